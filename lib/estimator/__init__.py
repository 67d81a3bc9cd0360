"""From pictures to people, with a trained network."""

from lib.estimator.base import Estimate, Estimator, Heat
from lib.estimator.bottom_up import BottomUpEstimator
from lib.estimator.top_down import TopDownEstimator

__all__ = ["BottomUpEstimator", "Estimate", "Estimator", "Heat", "TopDownEstimator"]
