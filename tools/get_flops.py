"""Print parameters and multiply-adds of an experiment's network, module by module."""

import argparse

import torch

from lib.config import load_config
from lib.models import build_model
from lib.utils.cli import run_command
from lib.utils.complexity import ModuleWork, count_work
from lib.utils.errors import PoseError

HEADER = f"{'module':<28} {'parameters':>13} {'share':>6} {'GMACs':>9} {'share':>6} {'published':>9}"
FOOTNOTE = (
    "GMACs: multiply-adds of convolutions, linear layers and attention for one image, in 1e9.\n"
    "published: what the tables of the HRNet and Simple Baselines papers call GFLOPs: multiply-adds in 2^30, "
    "transposed\nconvolutions charged at the size of their output."
)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cfg", required=True, help="experiment file (YAML)")
    parser.add_argument("--depth", type=int, default=1, help="levels of modules to show; 0 for the network alone")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="options to change, e.g. MODEL.NUM_JOINTS 133")
    flags = parser.parse_intermixed_args()
    if flags.depth < 0:
        raise PoseError(f"--depth is {flags.depth}; give 0 or more.")
    cfg = load_config(flags.cfg, flags.opts)
    with torch.device("meta"):
        model = build_model(cfg)
    width, height = cfg.MODEL.IMAGE_SIZE
    total, *parts = count_work(model, (width, height))
    print(f"{cfg.MODEL.NAME} of {flags.cfg}, one image of {height}x{width}\n\n{HEADER}")
    for part in parts:
        if part.name.count(".") < flags.depth:
            print(_row(part, total))
    print(f"{_row(total, total)}\n\n{FOOTNOTE}")


def _row(part: ModuleWork, total: ModuleWork) -> str:
    parameters = part.parameters / total.parameters
    work = part.multiply_adds / total.multiply_adds
    return (
        f"{part.name or 'all':<28} {part.parameters:>13,} {parameters:>6.1%} {part.giga_multiply_adds:>9.3f} "
        f"{work:>6.1%} {part.published_gflops:>9.3f}"
    )


if __name__ == "__main__":
    run_command(main)
