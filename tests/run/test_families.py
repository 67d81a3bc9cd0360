"""Every family of networks learns: synthetic people in general, and a handful of real ones by heart."""

import csv
import json
from pathlib import Path

import pytest

from lib.config import load_config
from lib.dataset.synthetic import make_dataset
from lib.run.train import train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_run", "no_pictures")]

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
SYNTHETIC = [
    "hrnet_w24_128x96_udp",
    "resnet18_128x96",
    "rsn18_w16_128x96",
    "rsn18_w16_128x96_udp",
    "hrformer_w16_128x96_udp",
]
REAL = ["hrnet_w24_128x96_udp", "resnet18_128x96", "rsn18_w16_128x96", "hrformer_w16_128x96_udp"]
# The ResNet is slow at the size of the others.
SMALLER = {"resnet18_128x96": ["MODEL.IMAGE_SIZE", [64, 64], "MODEL.HEATMAP_SIZE", [16, 16]]}
# Muon's matrices are those of its 512 channels.
PLAIN = {"resnet18_128x96": ["TRAIN.OPTIMIZER", "adam", "TRAIN.LR", 0.001]}
HANDFUL = 6
# Averaged weights lag behind in so few steps.
OPTIONS = ["WORKERS", 0, "DEVICE", "cpu", "TRAIN.EMA_DECAY", 0, "TEST.FLIP_TEST", False]
Row = dict[str, str]


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out TensorBoard's pictures, which take longer than these epochs."""
    monkeypatch.setattr("lib.run.progress.show_batch", lambda *_: None)


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 pictures to train on and 16 to test on."""
    folder = tmp_path_factory.mktemp("synthetic")
    make_dataset(folder, train=80, val=16, seed=0, workers=1, progress=False)
    return folder


@pytest.fixture(scope="module")
def handful(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The annotation file of a few people of coco-mini whose keypoints are almost all visible."""
    content = json.loads((shared / "coco-mini" / "annotations" / "person_keypoints_train2017.json").read_text())
    people = sorted(content["annotations"], key=lambda person: (-person["num_keypoints"], person["id"]))[:HANDFUL]
    shown = {person["image_id"] for person in people}
    content["annotations"] = people
    content["images"] = [image for image in content["images"] if image["id"] in shown]
    path = tmp_path_factory.mktemp("handful") / "people.json"
    path.write_text(json.dumps(content))
    return path


def history(experiment: str, folder: Path, *overrides: object) -> list[Row]:
    """Train an experiment and give its row per epoch."""
    words = [*OPTIONS, *overrides, "OUTPUT_DIR", folder / "output", "LOG_DIR", folder / "log"]
    train(load_config(EXPERIMENTS / f"{experiment}.yaml", [str(word) for word in words]))
    (table,) = (folder / "output").rglob("history.csv")
    with table.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", SYNTHETIC)
def test_learns_synthetic_people(synthetic: Path, tmp_path: Path, name: str) -> None:
    options = ["DATASET.ROOT", synthetic, "TRAIN.END_EPOCH", 3, "TRAIN.WARMUP_ITERS", 5, "TRAIN.EVAL_EVERY", 3]
    first, *_, last = history(f"synthetic/{name}", tmp_path, *options, *SMALLER.get(name, []))
    assert float(last["train_loss"]) < float(first["train_loss"])
    assert float(last["train_pck"]) > 1.5 * float(first["train_pck"])
    # Half a tenth of the map around a random point is less than a hundredth of it.
    assert float(last["val_pck"]) > 0.03


@pytest.mark.parametrize("name", REAL)
def test_learns_a_handful_of_real_people_by_heart(shared: Path, handful: Path, tmp_path: Path, name: str) -> None:
    options = ["DATASET.ROOT", shared / "coco-mini", "DATASET.TRAIN_ANNO", handful, "DATASET.TEST_ANNO", handful]
    epochs = ["TRAIN.END_EPOCH", 60, "TRAIN.EVAL_EVERY", 60, "TRAIN.WARMUP_ITERS", 10]
    *_, last = history(f"coco_mini/{name}", tmp_path, *options, *epochs, *PLAIN.get(name, []))
    assert float(last["AP"]) > 0.7
