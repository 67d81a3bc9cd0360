"""zoo.yaml says what was published, and faults of a manifest are named."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.config import is_bottom_up, load_config
from lib.core.pckh import MEANS
from lib.utils.errors import PoseError
from lib.zoo.manifest import HASH_IN_NAME, Entry, find, read_manifest

ENTRIES = read_manifest()

# AP/AR of HRNet, UDP-Pose's baseline, UDP-Pose, mmpose plain and mmpose DARK, by network and input size.
TABLE = """
resnet50_256x192   70.4/76.3 71.3/76.9 72.9/78.2 71.8/77.3 72.4/77.7
resnet50_384x288   72.2/77.6 73.2/78.2 74.0/79.0 73.1/78.3 73.5/78.5
resnet101_256x192  71.4/77.1 -         -         72.6/78.1 73.2/78.6
resnet101_384x288  73.6/79.1 -         -         74.8/79.8 74.9/79.9
resnet152_256x192  72.0/77.8 72.9/78.3 74.3/79.6 73.5/79.0 74.5/79.7
resnet152_384x288  74.3/79.7 75.3/80.4 76.2/81.2 75.0/80.0 75.7/80.6
hrnet_w32_256x192  74.4/79.8 75.6/80.5 76.8/81.6 74.6/79.9 75.7/80.8
hrnet_w32_384x288  75.8/80.9 76.7/81.6 77.8/82.4 76.0/81.0 76.6/81.5
hrnet_w48_256x192  75.1/80.4 75.9/80.9 77.2/82.0 75.6/80.6 76.4/81.4
hrnet_w48_384x288  76.3/81.2 77.1/81.8 77.8/82.5 76.7/81.6 77.2/82.0
"""
COLUMNS = ("{}", "{}_det65", "udp_{}", "mmpose_{}", "mmpose_{}_dark")
OTHERS = """
udp_hrnet_w32_256x192_radius3.5 77.2/82.5, udp_rsn18_256x192 74.7
mmpose_hrnet_w32_256x192_udp 76.0/81.1, mmpose_hrnet_w32_256x192_udp_offset 75.8/81.2
mmpose_hrnet_w32_384x288_udp 76.9/81.7, mmpose_hrnet_w48_256x192_udp 76.7/81.7, mmpose_hrnet_w48_384x288_udp 77.2/82.0
dark_hrnet_w32_256x192 75.6/80.8, dark_hrnet_w32_384x288 76.6/81.5, dark_hrnet_w48_384x288 76.8/81.7
rsn18_256x192_paper 73.6/78.8, rsn50_256x192_paper 74.7/80.0, rsn50x2_256x192_paper 77.2/82.2
rsn50x3_256x192_paper 78.2/83.1, rsn50x4_256x192_paper 79.0/83.7, rsn50x4_384x288_paper 79.6/84.2
rsn18_256x192 70.4/76.5, res18_256x192 65.2/71.3
mmpose_rsn18_256x192 70.4/77.1, mmpose_rsn50_256x192 72.3/78.8, mmpose_rsn50x2_256x192 74.5/80.9
mmpose_rsn50x3_256x192 75.0/81.3
hrformer_small_256x192 74.0/79.4, hrformer_small_384x288 75.6/80.7
hrformer_base_256x192 75.6/80.8, hrformer_base_384x288 77.2/82.0
mmpose_hrformer_small_256x192 73.8/79.2, mmpose_hrformer_small_384x288 75.7/80.7
mmpose_hrformer_base_256x192 75.3/80.7, mmpose_hrformer_base_384x288 77.4/82.3
mpii_resnet50_256x256 88.5/34.0, mpii_resnet101_256x256 89.1/34.0, mpii_resnet152_256x256 89.6/35.0
mpii_hrnet_w32_256x256 90.3/37.7, mpii_dark_hrnet_w32_256x256 90.6/42.0, mpii_udp_hrnet_w32_256x256 90.4/42.1
mmpose_mpii_resnet50_256x256 88.2/28.6, mmpose_mpii_hrnet_w32_256x256 90.0/33.4
mmpose_mpii_hrnet_w48_256x256 90.1/33.7, mmpose_mpii_hrnet_w32_256x256_dark 90.4/35.4
mmpose_ae_resnet50_512 46.6/55.2, mmpose_ae_resnet50_512_multiscale 50.3/59.1
mmpose_ae_resnet50_640 47.9/56.6, mmpose_ae_resnet50_640_multiscale 52.5/61.0
mmpose_ae_resnet101_512 55.4/62.2, mmpose_ae_resnet101_512_multiscale 60.3/66.8
mmpose_ae_resnet152_512 59.5/65.1, mmpose_ae_resnet152_512_multiscale 66.0/70.9
mmpose_ae_hrnet_w32_512 65.4/71.0, mmpose_ae_hrnet_w32_512_multiscale 69.8/74.8, mmpose_ae_hrnet_w48_512 66.5/71.6
mmpose_ae_hrnet_w48_512_multiscale 71.2/75.7
mmpose_ae_hrnet_w32_512_udp 67.1/71.7, mmpose_ae_hrnet_w48_512_udp 68.1/72.5, mmpose_ae_higher_hrnet_w32_512 67.7/72.3
mmpose_ae_higher_hrnet_w32_512_multiscale 70.6/74.7, mmpose_ae_higher_hrnet_w32_640 68.6/73.3
mmpose_ae_higher_hrnet_w32_640_multiscale 70.6/74.9
mmpose_ae_higher_hrnet_w48_512 68.6/73.1, mmpose_ae_higher_hrnet_w48_512_multiscale 71.6/75.5
mmpose_ae_higher_hrnet_w32_512_udp 67.8/72.4, mmpose_ae_higher_hrnet_w48_512_udp 69.0/73.4
mmpose_crowdpose_ae_higher_hrnet_w32_512 65.5, mmpose_crowdpose_ae_higher_hrnet_w32_512_multiscale 66.1
higher_hrnet_w32_512 67.1, higher_hrnet_w32_640 68.5, higher_hrnet_w48_640 69.9
higher_hrnet_w32_512_multiscale 69.9, higher_hrnet_w32_640_multiscale 70.6, higher_hrnet_w48_640_multiscale 72.1
"""


def _expected() -> dict[str, list[float]]:
    expected = {}
    for line in TABLE.split("\n")[1:-1]:
        network, *cells = line.split()
        expected |= {column.format(network): cell for column, cell in zip(COLUMNS, cells, strict=True) if cell != "-"}
    expected |= dict(item.split() for item in OTHERS.replace("\n", ",").split(",") if item.strip())
    return {name: [float(number) for number in figures.split("/")] for name, figures in expected.items()}


def test_every_published_result_is_there_with_its_figures() -> None:
    published = {entry.name: list(entry.published.values()) for entry in ENTRIES if entry.published}
    assert published == _expected()
    for entry in ENTRIES:
        strict = "Mean@0.1" if entry.name.startswith("mmpose") else "Mean@0.11"
        assert list(entry.published) in ([], ["AP"], ["AP", "AR"], ["Mean@0.5", strict])
        assert set(entry.published) <= {"AP", "AR", *MEANS}
        assert ("AP" not in entry.published) == entry.config.startswith("mpii") or not entry.published


def test_the_reference_has_no_figure_that_is_missing(shared: Path) -> None:
    text = (shared / "REFERENCE.md").read_text()
    section = text[text.index("## 1.") : text.index("## 2.")]
    known = {value for entry in ENTRIES for value in [*entry.published.values(), entry.detector]}
    assert {float(number) for number in re.findall(r"(?<![\d.])\d\d\.\d(?!\d)", section)} <= known
    hashes = {entry.sha256 for entry in ENTRIES}
    assert set(re.findall(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8}\b(?!/)", re.sub(r"_\d{8}", "", section))) <= hashes
    section = text[text.index("## 5.") : text.index("## 6.")]
    files = {entry.file for entry in ENTRIES if not entry.published}
    assert set(re.findall(r"hr\w+-[0-9a-f]{8}(?:_\d{8})?\.pth", section)) <= files
    assert set(re.findall(r"\b(?:50|101|152)-[0-9a-f]{8}\b", section)) == {
        name.removeprefix("resnet").removesuffix(".pth") for name in files if name.startswith("resnet")
    }


def test_boxes_hashes_and_licences() -> None:
    for entry in ENTRIES:
        ours = entry.name.endswith("_det65") or entry.name.startswith("udp_")
        bottom_up = "_ae_" in entry.name or entry.name.startswith("higher")
        expected = None if "Mean@0.5" in entry.published or not entry.published or bottom_up else 65.1 if ours else 56.4
        assert entry.detector == expected, entry.name
        assert entry.licence in ("MIT", "Apache-2.0", "BSD-3-Clause", "unknown")
        assert bool(entry.url) == bool(HASH_IN_NAME.search(entry.file)), entry.name
        assert entry.url.startswith("https://") or entry.get


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.config], ids=lambda entry: entry.name)
def test_the_experiment_exists(repository: Path, entry: Entry) -> None:
    path = repository / "experiments" / entry.config
    cfg = load_config(path, [str(word) for pair in entry.options.items() for word in pair])
    width, height = cfg.MODEL.IMAGE_SIZE
    assert (f"_{height}" if is_bottom_up(cfg) else f"_{height}x{width}") in entry.name
    scales = [2, 1] if "crowdpose" in entry.name else [2, 1, 0.5]
    assert (scales if entry.name.endswith("_multiscale") else [1]) == cfg.TEST.SCALE_FACTOR
    assert path.stem.endswith("_mmpose") == entry.name.startswith("mmpose")
    assert (cfg.DATASET.DATASET == "mpii") == ("Mean@0.5" in entry.published)
    assert (cfg.DATASET.DATASET == "crowdpose") == ("crowdpose" in entry.name)
    assert ("udp" in cfg.MODEL.CODEC) == ("udp" in entry.name)
    assert (cfg.MODEL.CODEC == "dark") == ("dark" in entry.name)
    starts = {str(start.path()) for start in ENTRIES if not start.published}
    assert cfg.MODEL.PRETRAINED in {"", *starts}


def test_names_and_files_are_found() -> None:
    assert [entry.name for entry in find(ENTRIES, ["hrnet_w32_imagenet", "hrnet_w32_256x192"])] == [
        "hrnet_w32_imagenet",
        "hrnet_w32_256x192",
    ]
    assert find(ENTRIES, ["hrnet_w32-36af842e.pth"])[0].name == "hrnet_w32_imagenet"
    with pytest.raises(PoseError, match=r"nothing named hrnet_w33; .*zoo.py list"):
        find(ENTRIES, ["hrnet_w33"])


GOOD: dict[str, Any] = {
    "results": [
        {
            "title": "ours",
            "source": "somebody/somewhere",
            "licence": "MIT",
            "base_url": "https://example.org/",
            "detector": 56.4,
            "entries": [
                {
                    "name": "a",
                    "file": "a-01234567.pth",
                    "sha256": "01234567",
                    "config": "coco/a.yaml",
                    "published": {"AP": 70.0},
                },
                {"name": "b", "file": "b.pth", "config": None, "note": "to come", "published": {"AP": 71.0}},
            ],
        }
    ]
}


def _write(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "zoo.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_a_good_manifest(tmp_path: Path) -> None:
    first, second = read_manifest(_write(tmp_path, GOOD))
    assert (first.url, first.sha256, first.config) == ("https://example.org/a-01234567.pth", "01234567", "coco/a.yaml")
    assert (second.url, second.config, second.note, second.detector) == (
        "https://example.org/b.pth",
        "",
        "to come",
        56.4,
    )
    assert first.path() == Path("models/zoo/a-01234567.pth")
    assert first.path("else") == Path("else/a-01234567.pth")


@pytest.mark.parametrize(
    ("where", "changes", "message"),
    [
        ("group", {"colour": "red"}, "unknown key colour"),
        ("group", {"source": None}, "source is None, but it must be text"),
        ("group", {"base_url": "ftp://example.org/"}, "must begin with https"),
        ("group", {"base_url": "https://example.org"}, "end with /"),
        ("group", {"base_url": None}, "there must be get"),
        ("group", {"detector": "good"}, "detector AP is 'good', but it must be a figure in percent"),
        ("group", {"entries": []}, "must be a list with something in it"),
        ("group", {"entries": ["a"]}, "must be a mapping"),
        ("entry", {"url": "x"}, "unknown key url"),
        ("entry", {"name": ""}, "must not be empty"),
        ("entry", {"name": "b"}, "the name b occurs twice"),
        ("entry", {"file": "../a-01234567.pth"}, "name without folders"),
        ("entry", {"file": "b.pth"}, "share the file b.pth but differ"),
        ("entry", {"sha256": "0123456"}, "8 to 64 hexadecimal digits"),
        ("entry", {"sha256": "0123456G"}, "8 to 64 hexadecimal digits"),
        ("entry", {"sha256": "0123456A"}, "in lower case"),
        ("entry", {"sha256": 12345678}, "put it in quotation marks"),
        ("entry", {"sha256": "89abcdef"}, "the name of the file says 01234567"),
        ("entry", {"sha256": ""}, "the name of the file says 01234567"),
        ("entry", {"published": {}}, "published is empty"),
        ("entry", {"published": {"AP": "70"}}, "published AP is '70'"),
        ("entry", {"published": {"AP": 0.7, "AR": 170}}, "published AR is 170"),
        ("entry", {"published": 70}, "must be a mapping"),
        ("entry", {"options": ["LOSS.KPD", 3.5]}, "options is"),
        ("entry", {"config": None}, "there must be a note"),
    ],
)
def test_faults_are_named_in_one_sentence(tmp_path: Path, where: str, changes: dict[str, Any], message: str) -> None:
    content = copy.deepcopy(GOOD)
    group = content["results"][0]
    (group if where == "group" else group["entries"][0]).update(changes)
    path = _write(tmp_path, content)
    with pytest.raises(PoseError, match=re.escape(message)) as error:
        read_manifest(path)
    assert str(path) in str(error.value)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["file", "published", "config", "name"])
def test_what_is_missing_is_named(tmp_path: Path, key: str) -> None:
    content = copy.deepcopy(GOOD)
    del content["results"][0]["entries"][0][key]
    with pytest.raises(PoseError, match=f"lacks {key}"):
        read_manifest(_write(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("results: [", "not valid YAML"),
        ("results: 1\nresults: 2", "occurs twice"),
        ("- a", "must be a mapping"),
        ("models: []", "unknown key models"),
        ("results: []", "must be a list with something in it"),
    ],
)
def test_no_manifest(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(PoseError, match=message):
        read_manifest(_write(tmp_path, content))
    with pytest.raises(PoseError, match="cannot be read"):
        read_manifest(tmp_path / "absent.yaml")
