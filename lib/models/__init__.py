"""Networks: normalised images (B, 3, H, W) to heatmaps (B, C, h, w)."""

from lib.models.build import build_model, init_pretrained

__all__ = ["build_model", "init_pretrained"]
