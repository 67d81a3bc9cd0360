"""From a configuration and weights to an estimator."""

from lib.estimator import Estimator, TopDownEstimator
from lib.estimator.top_down import Suppression
from lib.run.setup import Setup, make_tested_network
from lib.run.weights import TrainedModel


def make_estimator(setup: Setup, trained: TrainedModel) -> Estimator:
    """The estimator of an experiment, as its test would run it (flip test, decoder, precision, runtime, suppression).

    Raises:
        PoseError: the runtime cannot run the network.
    """
    test = setup.cfg.TEST
    return TopDownEstimator(
        make_tested_network(setup, trained.model),
        setup.codec,
        setup.prepare,
        setup.precision,
        Suppression(setup.skeleton.sigmas_array, test.IN_VIS_THRE, test.OKS_THRE, test.SOFT_NMS),
        color_rgb=setup.cfg.DATASET.COLOR_RGB,
        flip_test=test.FLIP_TEST,
        batch_size=test.BATCH_SIZE_PER_GPU,
    )
