"""Write a trained network as ONNX, OpenVINO or torch.export, and keep the file when it finds what PyTorch finds.

    python tools/export.py --cfg X.yaml TEST.MODEL_FILE weights.pth --format onnx --flip-test --decode

The file takes crops (B, H, W, 3) uint8 RGB and holds all that is needed to use it; docs/EXPORT.md describes it.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from lib.config import load_config
from lib.dataset.build import build_dataset
from lib.dataset.crop import Cropper
from lib.dataset.pixels import IDENTITY, StoredPixels
from lib.export.description import describe
from lib.export.export import export
from lib.export.formats import DEFAULT_OPSET, FORMATS, make_format
from lib.export.graph import Parts, Pixels, PoseGraph
from lib.export.parity import CROPS, compare, make_reference
from lib.run.folder import RunFolder
from lib.run.setup import Setup, set_up
from lib.run.weights import load_trained
from lib.utils.cli import run_command
from lib.utils.errors import PoseError
from lib.utils.image import read_image
from lib.utils.logging import open_log

# An export is made and held against PyTorch in float32 on the CPU. Maps without a peak give their arg-max: what the
# published systems return instead depends, in one of them, on the map before.
SETTINGS = ("DEVICE", "cpu", "AMP", "none", "TEST.RUNTIME", "eager", "TEST.NO_RESPONSE", "argmax")
PICTURES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--cfg", required=True, help="experiment file (YAML)")
    parser.add_argument("--format", required=True, choices=FORMATS, help="of the file")
    parser.add_argument("--output", type=Path, help="the file (default: in the run's folder, with the run's name)")
    parser.add_argument("--batch", type=int, help="the only size of batches (default: any size)")
    parser.add_argument("--opset", type=int, help=f"version of ONNX's operations (default: {DEFAULT_OPSET})")
    parser.add_argument("--flip-test", action="store_true", help="average with the mirrored crops inside the file")
    parser.add_argument("--decode", action="store_true", help="give keypoints and scores instead of heatmaps")
    parser.add_argument(
        "--images",
        action="append",
        type=Path,
        metavar="I",
        help="picture or folder of pictures to compare with PyTorch on; may be repeated (default: the test set)",
    )
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="options to change, e.g. TEST.MODEL_FILE W.pth")
    return parser.parse_intermixed_args()


def main() -> None:
    """Run the command."""
    flags = parse_arguments()
    if flags.batch is not None and flags.batch < 1:
        raise PoseError(f"--batch is {flags.batch}; give 1 or more, or leave it out for any size.")
    form = make_format(flags.format, flags.opset)
    form.require()
    open_log()
    cfg = load_config(flags.cfg, [*flags.opts, *SETTINGS])
    setup, folder = set_up(cfg), RunFolder(cfg)
    codec = setup.single_codec  # pictures of bottom-up networks have many sizes
    output = flags.output or folder.path / f"{folder.path.name}{form.suffixes[0]}"
    # Read first: absent pictures are found at once.
    crops = whole_pictures(setup, flags.images) if flags.images else test_crops(setup)
    trained = load_trained(setup)
    color_rgb = bool(cfg.DATASET.COLOR_RGB)
    pixels = Pixels(setup.prepare.mean, setup.prepare.std, color_rgb)
    parts = Parts(flags.flip_test, flags.decode, flags.batch)
    print(f"{trained.path} to {form.label}, {_describe(parts)}", flush=True)

    reference = make_reference(
        trained.model, codec, setup.prepare, crops, color_rgb=color_rgb, flip_test=parts.flip_test
    )
    graph = PoseGraph(trained.model, codec, pixels, parts)
    description = describe(codec, setup.skeleton, pixels, parts, name=cfg.MODEL.NAME)
    parity = export(graph, description, form, output, lambda engine: compare(engine, codec, reference, parts))
    print("against eager PyTorch in float32:")
    for line in parity.lines():
        print(f"  {line}")
    print(" and ".join(str(output.with_suffix(suffix)) for suffix in form.suffixes))


def test_crops(setup: Setup) -> torch.Tensor:
    """The first people of the test set, (N, 3, H, W) uint8 in the configured channel order.

    Raises:
        PoseError: the data set cannot be read.
    """
    try:
        dataset = build_dataset(setup.cfg, is_train=False)
    except PoseError as error:
        raise PoseError(
            f"there are no crops to compare with PyTorch on: {str(error).rstrip('.')}; or name pictures with --images."
        ) from error
    return dataset.batch(0, np.arange(min(CROPS, len(dataset)))).image.to(setup.device)


def whole_pictures(setup: Setup, places: list[Path]) -> torch.Tensor:
    """Crops that show whole pictures; as `test_crops`.

    Raises:
        PoseError: there are none, or one cannot be read.
    """
    files = [file for place in places for file in (sorted(place.iterdir()) if place.is_dir() else [place])]
    chosen = [file for file in files if file in places or file.suffix.lower() in PICTURES][:CROPS]
    if not chosen:
        raise PoseError(f"--images {' '.join(map(str, places))} holds no pictures; name a folder of JPEG or PNG files.")
    pictures = [read_image(file, apply_exif=True) for file in chosen]
    boxes = np.array([(0, 0, picture.shape[1], picture.shape[0]) for picture in pictures], dtype=np.float64)
    matrices = setup.single_codec.warp_matrix(*setup.single_codec.box_to_center_scale(boxes)).numpy()
    # The cropper takes pixels for BGR, and these are RGB.
    cropper = Cropper(setup.single_codec.input_size_wh, color_rgb=not setup.cfg.DATASET.COLOR_RGB)
    crops = cropper.crops(matrices, lambda position: StoredPixels(pictures[position], IDENTITY))
    return torch.from_numpy(crops).permute(0, 3, 1, 2)


def _describe(parts: Parts) -> str:
    size = "any" if parts.batch is None else str(parts.batch)
    flip, decode = ("inside" if inside else "not inside" for inside in (parts.flip_test, parts.decode))
    return f"batch {size}, flip test {flip}, decoding {decode}"


if __name__ == "__main__":
    run_command(main)
