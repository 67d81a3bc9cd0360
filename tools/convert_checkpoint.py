"""Write a weight file of any published naming under any other, or in our own format.

    python tools/convert_checkpoint.py rsn18.pth rsn18_mmpose.pth --to mmpose0
    python tools/convert_checkpoint.py w32-c78dce93.pth w32.pth --to plumbpose --cfg experiments/coco/hrnet/X.yaml

original is the naming of the network's own publication, mmpose0 and mmpose1 those of mmpose 0.x and 1.x. A file of ours
also says its codec, keypoints and configuration, which --cfg tells. The conversion back gives the same entries.
"""

import argparse
import sys
from pathlib import Path

from lib.config import load_config, notices
from lib.run.convert import ALL_TARGETS, convert_checkpoint
from lib.utils.cli import run_command
from lib.utils.errors import PoseError


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("input", metavar="IN", help="weights or training checkpoint")
    parser.add_argument("output", metavar="OUT", help="file to write")
    parser.add_argument("--to", required=True, choices=ALL_TARGETS, help="naming of the written file")
    parser.add_argument(
        "--cfg", metavar="X.yaml", help="with --to plumbpose: experiment that the weights were made for"
    )
    parser.add_argument("--force", action="store_true", help="write over OUT where it exists")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="with --cfg: options to change")
    flags = parser.parse_intermixed_args()
    if flags.opts and not flags.cfg:
        raise PoseError(f"{' '.join(flags.opts)} changes options of a configuration, but there is no --cfg.")
    config = load_config(flags.cfg, flags.opts) if flags.cfg else None
    done = convert_checkpoint(Path(flags.input), Path(flags.output), flags.to, config, force=flags.force)
    print("\n".join(done.facts))
    for line in [*(notices(config) if config else []), *(f"warning: {warning}" for warning in done.warnings)]:
        print(line, file=sys.stderr)


if __name__ == "__main__":
    run_command(main)
