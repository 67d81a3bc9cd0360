"""Where people are in a picture: boxes for the pose network."""

from lib.detectors.box_file import BoxFile
from lib.detectors.detector import Detector, full_frame, look
from lib.detectors.torchvision_detector import NAMES, TorchvisionDetector, detector_name

__all__ = ["NAMES", "BoxFile", "Detector", "TorchvisionDetector", "detector_name", "full_frame", "look"]
