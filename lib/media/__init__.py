"""Pictures and videos in and out."""

from lib.media.inputs import open_inputs
from lib.media.source import Frame, Source, VideoInfo
from lib.media.writer import VideoWriter

__all__ = ["Frame", "Source", "VideoInfo", "VideoWriter", "open_inputs"]
