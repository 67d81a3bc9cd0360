"""Published weights: list, download, verify, and test them against their published figures.

    python tools/zoo.py list --filter hrnet_w32
    python tools/zoo.py download mmpose_hrnet_w32_256x192
    python tools/zoo.py download --pretrained --cfg experiments/coco/hrnet/w32_256x192_adam_lr1e-3.yaml
    python tools/zoo.py verify
    python tools/zoo.py test mmpose_hrnet_w32_256x192 --tolerance 0.3

Exit codes: 0 done, 1 a file is not the published one or a figure is off by more than the tolerance, 2 bad input.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lib.config import load_config
from lib.run.published import compare_published
from lib.utils import distributed
from lib.utils.cli import run_command
from lib.utils.distributed import run_together
from lib.utils.errors import PoseError
from lib.zoo.files import download, fault_of, present
from lib.zoo.manifest import MANIFEST, Entry, find, read_manifest


def main() -> None:
    """Run the command."""
    flags = parse_arguments(sys.argv[1:])
    entries = read_manifest(Path(flags.zoo))
    folder = Path(flags.dir) if flags.dir else None
    if folder is not None and flags.command != "download" and not folder.is_dir():
        raise PoseError(f"the folder --dir {folder} does not exist; name the one that holds the files.")
    commands = {"list": _list, "download": _download, "verify": _verify, "test": _test}
    code = commands[flags.command](entries, folder, flags)
    if code:
        sys.exit(code)


def parse_arguments(words: Sequence[str]) -> argparse.Namespace:
    """The command line; options and names may stand in any order."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)
    parsers = {
        name: commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        for name, text in (
            ("list", "show what there is"),
            ("download", "fetch files, or say where to get them"),
            ("verify", "check the files that are there: hash, and whether they load safely"),
            ("test", "test weights and compare with the published figures"),
        )
    }
    for command in parsers.values():
        command.add_argument("--zoo", default=str(MANIFEST), help="file that describes the zoo (default: zoo.yaml)")
        command.add_argument("--dir", "--to", default="", help="folder of the files (default: models/zoo)")
    parsers["list"].add_argument(
        "--filter",
        default="",
        metavar="WORDS",
        help="only rows with these words in them or in their title",
    )
    parsers["download"].add_argument("names", nargs="*", metavar="NAME", help="entries, or names of their files")
    parsers["download"].add_argument("--pretrained", action="store_true", help="what MODEL.PRETRAINED of --cfg names")
    parsers["download"].add_argument("--cfg", default="", help="experiment file (YAML), for --pretrained")
    parsers["verify"].add_argument("names", nargs="*", metavar="NAME", help="entries (default: all that are there)")
    parsers["test"].add_argument("name", metavar="NAME", help="entry")
    parsers["test"].add_argument("opts", nargs="*", metavar="KEY VALUE", help="options of the experiment to change")
    parsers["test"].add_argument("--tolerance", type=float, default=0.3, help="points of difference (default 0.3)")
    if not words or words[0] not in parsers:
        return parser.parse_args(words)
    flags = parsers[words[0]].parse_intermixed_args(words[1:])
    flags.command = words[0]
    return flags


def _list(entries: list[Entry], folder: Path | None, flags: argparse.Namespace) -> int:
    header = ("name", "published", "boxes", "config", "file", "licence", "present")
    shown = [(entry.title, *_row(entry, folder)) for entry in entries]
    words = [_plain(word) for word in flags.filter.split()]
    rows = [header, *(row[1:] for row in shown if all(word in _plain(" ".join(row)) for word in words))]
    if len(rows) == 1:
        raise PoseError(
            f"nothing in the zoo has {flags.filter!r} in its row or title; leave out --filter to see everything."
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _plain(text: str) -> str:
    """However people write it: higher_hrnet and HigherHRNet, multiscale and multi-scale."""
    return text.lower().replace("_", "").replace("-", "")


def _row(entry: Entry, folder: Path | None) -> tuple[str, ...]:
    return (
        entry.name,
        " ".join(f"{name} {value}" for name, value in entry.published.items()) or "-",
        "-" if entry.detector is None else f"AP {entry.detector}",
        entry.config or "-",
        entry.file,
        entry.licence,
        "yes" if entry.path(folder).is_file() else "no" if entry.url else "no, by hand",
    )


def _download(entries: list[Entry], folder: Path | None, flags: argparse.Namespace) -> int:
    if flags.pretrained:
        wanted, folder = _pretrained(entries, flags)
    else:
        wanted = find(entries, flags.names)
    if not wanted:
        raise PoseError("download needs names, or --pretrained with --cfg; python tools/zoo.py list shows the names.")
    for entry in wanted:
        was_there = entry.path(folder).is_file()
        path = download(entry, folder)
        how = "was there already" if was_there else f"{path.stat().st_size / 2**20:,.1f} MiB"
        checked = f"SHA-256 begins with {entry.sha256}" if entry.sha256 else "no hash is published"
        print(f"{path}: {how}, {checked}, licence {entry.licence} ({entry.source})", flush=True)
    return 0


def _pretrained(entries: list[Entry], flags: argparse.Namespace) -> tuple[list[Entry], Path]:
    """The file that a configuration starts its training from, and the folder where it looks for it."""
    if not flags.cfg or flags.names or flags.dir:
        raise PoseError("--pretrained goes with --cfg X.yaml alone, which says what is needed and where to put it.")
    path = Path(load_config(flags.cfg).MODEL.PRETRAINED)
    if not path.name:
        raise PoseError(f"{flags.cfg} starts from random weights (MODEL.PRETRAINED is empty); nothing is needed.")
    return find(entries, [path.name]), path.parent


def _verify(entries: list[Entry], folder: Path | None, flags: argparse.Namespace) -> int:
    if flags.names:
        wanted = find(entries, flags.names)
        paths = {present(entry, folder): entry for entry in wanted}
    else:
        paths = {entry.path(folder): entry for entry in entries if entry.path(folder).is_file()}
    if not paths:
        raise PoseError(
            f"there is no file of the zoo in {folder or 'its places'} to verify; fetch one with python tools/zoo.py "
            "download NAME, or name another folder with --dir."
        )
    faults = 0
    for path, entry in paths.items():
        fault = fault_of(entry, path)
        faults += bool(fault)
        right = f"{path} loads, SHA-256 {f'begins with {entry.sha256}' if entry.sha256 else 'not published'}"
        print(f"WRONG  {fault}" if fault else f"right  {right}", flush=True)
    print(f"{len(paths)} files, {faults} wrong")
    return 1 if faults else 0


def _test(entries: list[Entry], folder: Path | None, flags: argparse.Namespace) -> int:
    if not flags.tolerance >= 0:
        raise PoseError(f"--tolerance is {flags.tolerance:g}; give points of a percent, 0 or more.")
    (entry,) = find(entries, [flags.name])
    comparison = compare_published(entry, folder, flags.opts)
    within = comparison.is_within(flags.tolerance)
    if distributed.is_main():
        print("\n".join(comparison.lines()))
        print(f"{'within' if within else 'NOT within'} {flags.tolerance:g} points of the published figures")
    return 0 if within else 1


if __name__ == "__main__":
    run_command(lambda: run_together(main))
