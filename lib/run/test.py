"""The testing command: from a configuration and weights to a result file and its statistics."""

from yacs.config import CfgNode

from lib.config import notices
from lib.run.board import Board
from lib.run.evaluation import Evaluator, Outcome
from lib.run.folder import RunFolder
from lib.run.progress import TestWatch
from lib.run.report import long_report, plot_command
from lib.run.setup import describe_machine, make_tested_network, picture_notice, set_up
from lib.run.weights import load_trained
from lib.utils import distributed
from lib.utils.logging import open_log
from lib.utils.seeding import seed_everything


def test(cfg: CfgNode) -> Outcome:
    """Test TEST.MODEL_FILE, or the run's best weights, on DATASET.TEST_SET; every process calls.

    Returns:
        The statistics, on every process; they are printed with their conditions, and the result file is written.

    Raises:
        PoseError: bad input; nothing has been written then.
    """
    logger = open_log(quiet=not distributed.is_main())
    setup, folder = set_up(cfg), RunFolder(cfg)
    folder.check_writable()
    seed_everything(cfg.SEED)
    notice = picture_notice(cfg)
    for line in [f"Testing on {describe_machine(setup.device)}.", *notices(cfg), *([notice] if notice else [])]:
        logger.info(line)
    trained = load_trained(setup)
    evaluator = Evaluator(setup)
    result_file = folder.results(cfg.DATASET.TEST_SET)
    watch = TestWatch(setup, Board(None), folder.path)
    network = make_tested_network(setup, trained.model)
    outcome = evaluator.evaluate(network, watch, result_file, title="test")
    for line in long_report(evaluator, outcome, trained.path):
        logger.info(line)
    remark = f" ({outcome.remark})" if outcome.remark else ""
    logger.info(f"{'result file':<12} {result_file}{remark}")
    if distributed.is_main():
        logger.info(f"{'plot them':<12} {plot_command(evaluator, result_file, folder.keypoint_set(cfg))}")
    return outcome
