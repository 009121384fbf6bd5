"""What is wrong with single clips or a set of them: silent, clipped, copied, with speech or music that was not asked.

Copies are found by `tasks.media.fingerprint`, as ingest finds recordings with the same audio: also when they are
louder, trimmed, shifted or encoded again. Clips of a few pure tones have too few peaks for that: they count as copies,
at any level, where all of their peaks are equal. Silent clips have no fingerprint and are no copies.

Legend: T samples, N clips, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tasks.evaluate.attributes import AUDIBLE_DB, level_db
from tasks.evaluate.metrics.checks import Matrix, UndefinedMetricError, require_pairs
from tasks.media.fingerprint import Peaks, similar
from tasks.media.samples import Samples

SILENT: Final = f"gated level at most {AUDIBLE_DB:g} dBFS"
CLIPPED: Final = "four samples in a row at full scale (0.999 or more) that differ by no more than a step of 16 bits"
DUPLICATE: Final = "shares audio with another generated clip, by fingerprints, or is the same file"
PASTED: Final = "shares audio with a reference clip, by fingerprints, or is the same file"
PRESENT: Final = 0.3
"""A class is in a clip where its probability is as much: at 0.5, mn04 misses a fifth of the speech that is as loud as
the rest of the sound, at 0.3 a twentieth (`python -m benchmarks.evaluation unwanted`, docs/metrics.md)."""
_FULL_SCALE: Final = 0.999
_STEP: Final = 1 / 32_768
_FEWEST: Final = 4  # peaks: fewer are equal by chance
_RUN: Final = 4  # one at a rate of 44.1 kHz holds a tone's top only below 20 Hz


def is_silent(samples_T: Samples, rate_hz: int) -> bool:
    """Returns whether the clip is silent (`SILENT`)."""
    return level_db(samples_T, rate_hz) <= AUDIBLE_DB


def is_clipped(samples_T: Samples) -> bool:
    """Returns whether the waveform is cut off at full scale (`CLIPPED`), at any place.

    Not found where it was clipped before a resampling or lossy encoding, which round the corners.
    """
    if len(samples_T) < _RUN:
        return False
    windows = np.lib.stride_tricks.sliding_window_view(samples_T, _RUN)
    low, high = windows.min(axis=1), windows.max(axis=1)
    flat = high - low <= _STEP
    return bool((flat & ((low >= _FULL_SCALE) | (high <= -_FULL_SCALE))).any())


def duplicates(generated: Sequence[Peaks]) -> frozenset[int]:
    """Returns the places of the clips that share audio with another one of the set."""
    return frozenset(place for pair in _sharing(generated) for place in pair)


def pasted(generated: Sequence[Peaks], references: Sequence[Peaks]) -> frozenset[int]:
    """Returns the places of the generated clips that share audio with any reference clip, their own or another.

    Copies of a copy count too: a clip that shares audio with a generated clip that is pasted.
    """
    linked = list(range(len(generated) + len(references)))

    def root(place: int) -> int:
        while linked[place] != place:
            linked[place] = place = linked[linked[place]]
        return place

    for first, second in _sharing([*generated, *references]):
        linked[root(first)] = root(second)
    of_references = {root(place) for place in range(len(generated), len(linked))}
    return frozenset(place for place in range(len(generated)) if root(place) in of_references)


def _sharing(fingerprints: Sequence[Peaks]) -> list[tuple[int, int]]:
    """Returns pairs of places whose clips share audio; of many that do, each is linked to the others through pairs."""
    firsts: dict[bytes, int] = {}
    equal = []
    for place, peaks_N in enumerate(fingerprints):
        if len(peaks_N) >= _FEWEST and (first := firsts.setdefault(peaks_N.tobytes(), place)) != place:
            equal.append((first, place))
    return [*similar(fingerprints), *equal]


def unwanted(generated_NK: Matrix, classes: Sequence[int], reference_NK: Matrix | None = None) -> npt.NDArray[np.bool_]:
    """Returns (N,) whether a clip has sound of these classes and its reference has none: unwanted speech or music.

    `generated_NK`, `reference_NK`: a multi-label judge's logits of the same clips; `classes`: places among its K, such
    as `model.judges.audioset.speech_classes(spec.classes)`. A clip has it where one's sigmoid is `PRESENT` or more.
    Without a reference, having it is enough. Raises UndefinedMetricError without such a class or without clips,
    ContractError for other shapes or values that are not finite.
    """
    if not classes:
        raise UndefinedMetricError("unwanted sound: the judge has no class of it")
    require_pairs(generated_NK, generated_NK if reference_NK is None else reference_NK, "unwanted sound")
    least = np.log(PRESENT / (1 - PRESENT))
    has_N = (generated_NK[:, list(classes)] >= least).any(axis=1)
    if reference_NK is None:
        return np.asarray(has_N)
    return np.asarray(has_N & (reference_NK[:, list(classes)] < least).all(axis=1))
