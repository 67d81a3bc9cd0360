"""Rows on loading people: training and test loaders against the published way, on one core."""

from torch.utils.data import default_collate
from yacs.config import CfgNode

from lib.bench.contest import Contest, Way, hold
from lib.bench.pictures import loading_config, with_boxes
from lib.bench.plain_loader import PlainDataset
from lib.bench.rows import Row
from lib.bench.settings import BenchSettings
from lib.core.inference import Preparation
from lib.dataset import PoseDataset, PoseLoader, Sample, TestSampler, TrainSampler, build_dataset
from lib.dataset.pixels import ImagePixels
from lib.utils.device import choose_device
from lib.utils.image import decode_image

BATCH, BOXES_PER_IMAGE = 32, 20


def loader_rows(settings: BenchSettings) -> list[Row]:
    """Samples and boxes per second of one core.

    Of ours there are two ways: what the loader does, and the same with what it leaves to the device (normalisation,
    targets) done on the same core.
    """
    with loading_config(settings) as cfg:
        trained, tested = (build_dataset(cfg, is_train=is_train) for is_train in (True, False))
        rows = hold(_contest("training loader, JPEG", trained, cfg, target=1.7), settings.repeats)
        crowded = with_boxes(tested, BOXES_PER_IMAGE)
        title = f"test loader, {BOXES_PER_IMAGE} boxes per image"
        return rows + hold(_contest(title, crowded, cfg, target=8.0), settings.repeats)


def plain_way(dataset: PoseDataset, cfg: CfgNode) -> Way:
    """The published loader in batches."""
    source = dataset.source
    if not isinstance(source, ImagePixels):
        raise TypeError("the plain way reads image files")
    paths = [source.store.name(int(index)) for index in dataset.records.image_index]
    plain = PlainDataset(dataset, paths, cfg.MODEL.SIGMA, cfg.DATASET.MEAN, cfg.DATASET.STD)

    def load() -> None:
        for first in range(0, len(plain), BATCH):
            default_collate([plain[0, index] for index in range(first, min(first + BATCH, len(plain)))])

    return Way("plain", load, len(plain))


def our_ways(dataset: PoseDataset, cfg: CfgNode, *, is_train: bool) -> list[Way]:
    """Our loader alone, and with the rest of the work on the same core."""
    count = len(dataset)
    sampler: TrainSampler | TestSampler
    sampler = TrainSampler(count, BATCH, seed=0) if is_train else TestSampler(dataset.records.image_index)
    loader = PoseLoader(dataset, sampler, BATCH)
    prepare = Preparation(choose_device("cpu"), tuple(cfg.DATASET.MEAN), tuple(cfg.DATASET.STD), cfg.CHANNELS_LAST)

    def load() -> None:
        for _ in loader:
            pass

    def load_and_prepare() -> None:
        for batch in loader:
            finish(batch, prepare, dataset)

    return [Way("loader", load, count), Way("with normalisation and targets", load_and_prepare, count)]


def finish(batch: Sample, prepare: Preparation, dataset: PoseDataset) -> None:
    """What the training step does before the network."""
    prepare(batch.image)
    dataset.codec.encode(batch.input_keypoints, batch.visible)


def _contest(name: str, dataset: PoseDataset, cfg: CfgNode, target: float) -> Contest:
    is_train = dataset.augment is not None
    ways = [*our_ways(dataset, cfg, is_train=is_train), _decoding(dataset)] if is_train else None
    return Contest(
        name=name,
        unit="samples/s" if is_train else "boxes/s",
        plain=plain_way(dataset, cfg),
        ways=ways or our_ways(dataset, cfg, is_train=False),
        target=target,
        one_core=True,
        passes=1,
    )


def _decoding(dataset: PoseDataset) -> Way:
    """JPEG decoding and nothing else: the limit of any loader that reads each sample's image."""
    source = dataset.source
    if not isinstance(source, ImagePixels):
        raise TypeError("only image files are decoded")
    store, numbers = source.store, dataset.records.image_index.tolist()

    def decode() -> list[tuple[int, ...]]:
        return [decode_image(store.read(number), store.name(number)).shape for number in numbers]

    return Way("JPEG decoding alone", decode, len(numbers))
