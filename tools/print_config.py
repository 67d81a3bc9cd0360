"""Print the whole resolved configuration of an experiment, or only what differs from the defaults."""

import argparse
import sys

from yacs.config import CfgNode

from lib.config import config_to_text, default_config, flat_items, load_config, notices
from lib.config.networks import default_extra
from lib.utils.cli import run_command


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cfg", required=True, help="experiment file (YAML)")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="options to change, e.g. TEST.FLIP_TEST False")
    parser.add_argument("--diff", action="store_true", help="print only what differs from the defaults")
    flags = parser.parse_intermixed_args()
    config = load_config(flags.cfg, flags.opts)
    print(config_to_text(_differences(config) if flags.diff else config), end="")
    # Not to standard output, which is a YAML file for others to read.
    for line in notices(config):
        print(f"# {line}", file=sys.stderr)


def _differences(config: CfgNode) -> CfgNode:
    """The options that differ from their defaults, in their sections."""
    default = default_config()
    default.MODEL.EXTRA = default_extra(config.MODEL.NAME)
    values = dict(flat_items(default))
    different = CfgNode()
    for key, value in flat_items(config):
        if value != values[key]:
            *sections, name = key.split(".")
            node = different
            for section in sections:
                node = node.setdefault(section, CfgNode())
            node[name] = value
    return different


if __name__ == "__main__":
    run_command(main)
