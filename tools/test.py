"""Test a pose network: python tools/test.py --cfg experiments/.../X.yaml [flags] [KEY VALUE ...]."""

from lib.config.arguments import parse_arguments
from lib.run.test import test
from lib.utils.cli import run_command
from lib.utils.distributed import run_together


def main() -> None:
    """Run the command."""
    cfg, _ = parse_arguments("Test a pose network.", for_training=False)
    test(cfg)


if __name__ == "__main__":
    run_command(lambda: run_together(main))
