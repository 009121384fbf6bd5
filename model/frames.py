"""The types of decoded video, shared by what reads it and what encodes it. Needs neither torch nor FFmpeg."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
"""RGB images: (T, H, W, C), or one of them, (H, W, C)."""
Fit = Literal["crop", "squash", "short_side"]
"""How a frame gets its size. crop: its short side is resized, its middle square kept; squash: both sides are resized;
short_side: its short side is resized and nothing is cut, so that it is no square."""
