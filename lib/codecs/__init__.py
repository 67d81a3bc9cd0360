"""Encodings: keypoints to heatmaps and back, each with the crop and the flip that belong to it."""

from lib.codecs.base import Codec, check_same_codec
from lib.codecs.build import build_codec

__all__ = ["Codec", "build_codec", "check_same_codec"]
