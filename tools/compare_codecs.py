"""Train one small network with each encoding on synthetic people and measure what every decoder makes of it.

    python tools/compare_codecs.py --seeds 3

Exact truth and a low resolution show the bias of an encoding. Writes benchmarks/codecs.csv (a row per encoding, decoder
and seed), codecs.png and codecs.txt (device and versions); trained runs are kept and not trained again.
"""

import argparse
import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from yacs.config import CfgNode

from lib.config import load_config
from lib.core.evaluate import evaluate_coco
from lib.core.inference import predict
from lib.dataset import build_dataset, build_loader
from lib.dataset.synthetic.writer import VERSION
from lib.run.folder import RunFolder
from lib.run.judges.coco import box_rows
from lib.run.setup import describe_machine, make_model, set_up
from lib.run.train import train
from lib.utils.checkpoint import load_weights
from lib.utils.cli import run_command
from lib.utils.files import atomic_path

mpl.use("Agg")
from matplotlib import pyplot as plt

CONFIGS = "experiments/synthetic/hrnet_w24_128x96_{}.yaml"
DECODERS = {
    "msra": ("argmax", "quarter", "dark"),
    "dark": ("argmax", "quarter", "dark", "exact"),
    "udp": ("argmax", "udp", "exact"),
    "udp_offset": ("offset", "exact"),
}
# Input (width, height), px. Half of the usual pixels, so that a heatmap pixel is coarse and the encoding decides.
LOW_RESOLUTION = ("MODEL.IMAGE_SIZE", "[64, 96]", "MODEL.HEATMAP_SIZE", "[16, 24]")
MEASURES = {"AP": "AP", "median_px": "median error, image px", "mean_px": "mean error, image px"}
Row = dict[str, str | int | float]


def main() -> None:
    """Train, measure and write the table and the plot."""
    arguments = _parse_arguments()
    runs = [(codec, seed, arguments.epochs) for seed in range(arguments.seeds) for codec in DECODERS]
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        rows = [row for group in pool.map(_train_and_measure, runs) for row in group]
    folder = Path(arguments.output)
    _write_csv(folder / "codecs.csv", rows)
    _plot(folder / "codecs.png", rows)
    with atomic_path(folder / "codecs.txt") as path:
        path.write_text(f"{describe_machine(torch.device('cpu'))}, one thread per run, {arguments.epochs} epochs\n")
    for (codec, decoder), group in _grouped(rows).items():
        print(f"{codec:<11}{decoder:<9}" + "  ".join(f"{name} {_spread(group, name)}" for name in MEASURES))
    print(f"written to {folder}/codecs.csv, .png and .txt")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="runs per encoding (%(default)s)")
    parser.add_argument("--epochs", type=int, default=6, help="epochs per run (%(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side, one CPU core each (%(default)s)")
    parser.add_argument("--output", default="benchmarks", help="folder of the table and the plot (%(default)s)")
    return parser.parse_args()


def _train_and_measure(run: tuple[str, int, int]) -> list[Row]:
    """Train one encoding with one seed and measure each of its decoders, in a process of its own."""
    codec, seed, epochs = run
    torch.set_num_threads(1)
    # Runs on other pictures or of another network have other names, so that none is taken for this one.
    name = f"compare_{Path(CONFIGS.format(codec)).stem}_v{VERSION}_{epochs}_{seed}"
    overrides = [*LOW_RESOLUTION, "SEED", str(seed), "WORKERS", "0", "RUN_NAME", name]
    overrides += ["TRAIN.END_EPOCH", str(epochs), "TRAIN.EVAL_EVERY", str(epochs), "AUTO_RESUME", "True"]
    train(load_config(CONFIGS.format(codec), overrides))
    rows: list[Row] = []
    for decoder in DECODERS[codec]:
        measures = _measure(load_config(CONFIGS.format(codec), [*overrides, "TEST.DECODER", decoder]))
        rows.append({"codec": codec, "decoder": decoder, "seed": seed, **measures})
    return rows


def _measure(cfg: CfgNode) -> dict[str, float]:
    """AP, and the distance from the truth of the joints in sight, in image pixels."""
    setup, model_file = set_up(cfg), RunFolder(cfg).final
    model = make_model(setup)
    load_weights(model, model_file, allow_new_head=False)
    dataset = build_dataset(cfg, is_train=False)
    loader = build_loader(cfg, dataset, is_train=False)
    found = predict(model, setup.single_codec, loader, setup.prepare, flip_test=cfg.TEST.FLIP_TEST)
    records = dataset.records
    stats = evaluate_coco(found.with_scores(), box_rows(records), records.image_id, dataset.annotation_file)
    errors = np.linalg.norm(found.image_keypoints - records.keypoints, axis=-1)[records.visible > 0]
    return {"AP": stats["AP"], "median_px": float(np.median(errors)), "mean_px": float(errors.mean())}


def _grouped(rows: Sequence[Row]) -> Mapping[tuple[str, str], list[Row]]:
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[str(row["codec"]), str(row["decoder"])].append(row)
    return groups


def _spread(rows: Sequence[Row], name: str) -> str:
    """Mean and range over the seeds."""
    values = [float(row[name]) for row in rows]
    return f"{np.mean(values):.3f} ({min(values):.3f}-{max(values):.3f})"


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=["codec", "decoder", "seed", *MEASURES], lineterminator="\n")
    writer.writeheader()
    rounded = ({name: round(v, 4) if isinstance(v, float) else v for name, v in row.items()} for row in rows)
    writer.writerows(rounded)
    with atomic_path(path) as temporary:
        temporary.write_text(text.getvalue())


def _plot(path: Path, rows: Sequence[Row]) -> None:
    """One panel per measure: the mean over the seeds as a bar, every seed as a dot."""
    groups = _grouped(rows)
    labels = [f"{codec}\n{decoder}".replace("_", "\n") for codec, decoder in groups]
    figure, panels = plt.subplots(len(MEASURES), 1, figsize=(10, 9), sharex=True, layout="constrained")
    for axes, (name, title) in zip(panels, MEASURES.items(), strict=True):
        values = [[float(row[name]) for row in group] for group in groups.values()]
        colors = [f"C{list(DECODERS).index(codec)}" for codec, _ in groups]
        axes.bar(range(len(values)), [np.mean(group) for group in values], color=colors, alpha=0.6)
        for position, group in enumerate(values):
            axes.plot([position] * len(group), group, "k.", markersize=4)
        axes.set_title(title)
    panels[-1].set_xticks(range(len(labels)), labels)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    run_command(main)
