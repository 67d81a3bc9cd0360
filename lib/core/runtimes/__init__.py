"""Ways of running a trained network: PyTorch as it is, compiled, or in another engine.

Every runtime is a module from images (B, 3, H, W) to the final heatmaps (B, C, h, w) on the images' device ('eager' is
the network itself, which may return several outputs), so that the loops need not know which one they call. Their
outputs equal eager PyTorch's in the same precision but for rounding.
"""

from lib.core.runtimes.choose import RUNTIMES, check_runtime, make_runtime

__all__ = ["RUNTIMES", "check_runtime", "make_runtime"]
