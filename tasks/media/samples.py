"""The type of audio in memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono audio, shape (T,), full scale is 1."""
Audio = npt.NDArray[np.float32]
"""Audio of one or more channels, (T,) or (T, C); full scale is 1."""
