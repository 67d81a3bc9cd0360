"""Reading YAML files: inheritance and every way a file can be bad."""

from pathlib import Path

import pytest

from lib.config.read import read_settings
from lib.utils.errors import PoseError


def values(path: Path) -> dict[str, object]:
    return {key: setting.value for key, setting in read_settings(path).items()}


def test_a_file_wins_over_its_base_key_by_key(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "base.yaml").write_text("TRAIN: {LR: 1, WD: 2}\nMODEL: {IMAGE_SIZE: [1, 2]}\n")
    (tmp_path / "sub" / "child.yaml").write_text("_BASE_: ../base.yaml\nTRAIN: {LR: 3}\nMODEL: {IMAGE_SIZE: [4]}\n")
    assert values(tmp_path / "sub" / "child.yaml") == {"TRAIN.LR": 3, "TRAIN.WD": 2, "MODEL.IMAGE_SIZE": [4]}


def test_the_later_base_wins(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("SEED: 1\nWORKERS: 1\n")
    (tmp_path / "b.yaml").write_text("SEED: 2\n")
    (tmp_path / "c.yaml").write_text("_BASE_: [a.yaml, b.yaml]\n")
    assert values(tmp_path / "c.yaml") == {"SEED": 2, "WORKERS": 1}


def test_two_bases_may_share_a_base(tmp_path: Path) -> None:
    (tmp_path / "root.yaml").write_text("SEED: 1\n")
    (tmp_path / "a.yaml").write_text("_BASE_: root.yaml\n")
    (tmp_path / "b.yaml").write_text("_BASE_: root.yaml\n")
    (tmp_path / "c.yaml").write_text("_BASE_: [a.yaml, b.yaml]\n")
    assert values(tmp_path / "c.yaml") == {"SEED": 1}


def test_settings_name_the_file_they_come_from(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("SEED: 1\n")
    (tmp_path / "child.yaml").write_text("_BASE_: base.yaml\nWORKERS: 1\n")
    settings = read_settings(tmp_path / "child.yaml")
    assert settings["SEED"].source.endswith("base.yaml")
    assert settings["WORKERS"].source.endswith("child.yaml")


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert values(tmp_path / "empty.yaml") == {}


def test_a_cycle_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("_BASE_: b.yaml\n")
    (tmp_path / "b.yaml").write_text("_BASE_: a.yaml\n")
    with pytest.raises(PoseError, match=r"is its own base \(a\.yaml -> b\.yaml -> a\.yaml\)"):
        read_settings(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("TRAIN: [1, 2", r"bad\.yaml is not valid YAML"),
        ("- 1\n- 2\n", r"bad\.yaml holds list data; it must be a mapping"),
        ("SEED: 1\nSEED: 2\n", r"bad\.yaml is not valid YAML \(key SEED occurs twice.*line 2"),
        ("A: !!python/object/apply:os.system ['true']\n", r"bad\.yaml is not valid YAML"),
        ("_BASE_: 3\n", r"bad\.yaml sets _BASE_ to 3"),
        ("_BASE_: absent.yaml\n", r"absent\.yaml, the _BASE_ of .*bad\.yaml, does not exist"),
        ("_BASE_: mm.py\n", r"mm\.py is a Python config, probably of mmpose"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(PoseError, match=message):
        read_settings(tmp_path / "bad.yaml")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"absent\.yaml does not exist; see experiments/"):
        read_settings(tmp_path / "absent.yaml")


def test_a_folder_and_binary_data(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match="cannot be read"):
        read_settings(tmp_path)
    (tmp_path / "weights.pth").write_bytes(b"PK\x03\x04\xff\xfe\x00")
    with pytest.raises(PoseError, match=r"weights\.pth is not valid YAML"):
        read_settings(tmp_path / "weights.pth")
