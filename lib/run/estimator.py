"""From a configuration and weights to an estimator."""

from lib.codecs.group.codec import GroupCodec
from lib.core.build import build_group_test, build_suppression
from lib.dataset.group.build import build_resize
from lib.estimator import BottomUpEstimator, Estimator, TopDownEstimator
from lib.run.setup import Setup, make_tested_network
from lib.run.weights import TrainedModel


def make_estimator(setup: Setup, trained: TrainedModel) -> Estimator:
    """The estimator of an experiment, as its test would run it (flip test, decoder, precision, runtime, suppression).

    Raises:
        PoseError: the runtime cannot run the network.
    """
    test, color_rgb = setup.cfg.TEST, setup.cfg.DATASET.COLOR_RGB
    network = make_tested_network(setup, trained.model)
    if isinstance(setup.codec, GroupCodec):
        return BottomUpEstimator(
            network,
            setup.codec,
            setup.prepare,
            setup.precision,
            build_resize(setup.cfg),
            build_group_test(setup.cfg),
            build_suppression(setup.cfg),
            color_rgb=color_rgb,
            batch_size=test.BATCH_SIZE_PER_GPU,
        )
    return TopDownEstimator(
        network,
        setup.codec,
        setup.prepare,
        setup.precision,
        build_suppression(setup.cfg),
        color_rgb=color_rgb,
        flip_test=test.FLIP_TEST,
        batch_size=test.BATCH_SIZE_PER_GPU,
    )
