"""Training, inference and measuring."""

from lib.core.build import build_loss

__all__ = ["build_loss"]
