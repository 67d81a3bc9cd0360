"""Train a pose network: python tools/train.py --cfg experiments/.../X.yaml [flags] [KEY VALUE ...]."""

from lib.config.arguments import parse_arguments
from lib.run.train import train
from lib.utils.cli import run_command
from lib.utils.distributed import run_together


def main() -> None:
    """Run the command."""
    cfg, flags = parse_arguments("Train a pose network.", for_training=True)
    train(cfg, resume=flags.resume, load_from=flags.load_from)


if __name__ == "__main__":
    run_command(lambda: run_together(main))
