"""Two sounds in one at a stated ratio of their levels.

Legend: T samples.
"""

from __future__ import annotations

import numpy as np

from tasks.media.samples import Samples


def mixed(wanted_T: Samples, background_T: Samples, ratio_db: float) -> Samples:
    """Returns (T,) the background, repeated or cut to the length of what is wanted, and that over it, `ratio_db` above
    its RMS; a silent background leaves it alone."""
    under_T: Samples = np.resize(background_T, len(wanted_T))
    gain = rms(under_T) * 10 ** (ratio_db / 20) / max(rms(wanted_T), 1e-9)
    return (under_T + (gain or 1.0) * wanted_T).astype(np.float32)


def rms(samples_T: Samples) -> float:
    """Returns the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(samples_T, dtype=np.float64))))
