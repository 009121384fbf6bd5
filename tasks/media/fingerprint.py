"""Audio fingerprints: find recordings that have audio in common, also when re-encoded, resampled, louder or trimmed.

A fingerprint is the recording's spectral peaks (landmarks, Wang 2003). Three peaks near each other make a key of their
frequencies and of the times between them (Six and Leman, Panako, 2014). Two recordings share audio where enough keys
agree at one offset in time; keys that agree by chance do so at scattered offsets. Recordings with few peaks, such as
one bark, have too few keys to agree: their fingerprints also have the peaks of smaller neighbourhoods.

Legend: T samples, N peaks; K frames of the spectrogram, F its bins.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt
import soxr

from tasks.media.samples import Samples

Peaks = npt.NDArray[np.uint32]
"""Peaks (N,) in the order of time: frame number << 8 | frequency bin; further peaks of sparse recordings come last."""

_RATE_HZ: Final = 8000  # what any encoder and any usual rate keeps
_WINDOW: Final = 512
_HOP: Final = 128
_NEAR: Final = (21, 31)  # frames and bins around a peak, 0.34 s by 480 Hz, in which it is the largest value
_FINE: Final = (9, 13)  # the same for the further peaks of a recording with few
_SPARSE: Final = 48  # so few peaks and fewer are few
_FINE_FRAMES: Final = 1 << 23  # what is added to the further peaks' frame numbers: no triple has peaks of both kinds
_FLOOR: Final = 1e-3  # of the largest value: 60 dB under it are no peaks
_FOLLOWING: Final = 4  # peaks after the first one of a triple among which the other two are
_SHAPES: Final = tuple(combinations(range(1, _FOLLOWING + 1), 2))
_LONGEST: Final = 128  # frames between the first and the last peak of a triple
_NEIGHBOURS: Final = 4  # recordings with the same key that are compared: more are found through each other
_SHARED: Final = 6  # keys that agree at one offset
_KEYS_AT_A_TIME: Final = 1 << 23
_BLOCK: Final = 1 << 20  # peaks

_Levelled = tuple[Peaks, npt.NDArray[np.float32]]
"""Peaks and the spectrogram's values there."""
_Owners = npt.NDArray[np.int32]
_Integers = npt.NDArray[np.int64]


def peaks_of(samples_T: Samples, rate_hz: int) -> Peaks:
    """Returns the peaks (N,) of mono samples, about 14 per second, up to 90 where those would be 48 in all or fewer.

    None for a recording shorter than a window.
    """
    finder = PeakFinder(rate_hz)
    finder.add(samples_T)
    return finder.finish()


class PeakFinder:
    """Finds the peaks of a recording that is given block by block: the same, however it is divided."""

    def __init__(self, rate_hz: int) -> None:
        self._resampler = None if rate_hz == _RATE_HZ else soxr.ResampleStream(rate_hz, _RATE_HZ, 1, dtype="float32")
        self._narrow_T: Samples = np.zeros(0, np.float32)  # not in a frame yet, or needed for the next ones
        self._level_KF = np.zeros((0, _WINDOW // 2), np.float32)  # frames that are not decided, and those before them
        self._first = 0  # number of the first of them
        self._decided = 0
        self._found: list[_Levelled] = []
        self._fine: list[_Levelled] = []

    def add(self, samples_T: Samples, *, last: bool = False) -> None:
        """Adds a block (T,)."""
        from scipy import signal  # takes a CPU second; a look whether a stage is finished needs none of it

        narrow_T = samples_T if self._resampler is None else self._resampler.resample_chunk(samples_T, last=last)
        self._narrow_T = np.concatenate([self._narrow_T, narrow_T])
        if len(self._narrow_T) >= _WINDOW:
            _, _, spectrum_FK = signal.stft(
                self._narrow_T, nperseg=_WINDOW, noverlap=_WINDOW - _HOP, boundary=None, padded=False
            )
            self._narrow_T = self._narrow_T[spectrum_FK.shape[1] * _HOP :]
            self._level_KF = np.concatenate([self._level_KF, np.abs(spectrum_FK[1:]).T])  # without DC
        end = self._first + len(self._level_KF)
        self._decide(end if last else end - _NEAR[0] // 2)

    def finish(self) -> Peaks:
        """Returns all peaks (N,). No block can be added after it."""
        self.add(np.zeros(0, np.float32), last=True)
        loudest = max((float(levels_N.max(initial=0.0)) for _, levels_N in self._found), default=0.0)
        peaks_N = _over(_FLOOR * loudest, self._found)
        if len(peaks_N) > _SPARSE or self._decided >= _FINE_FRAMES:
            return peaks_N
        return np.concatenate([peaks_N, _over(_FLOOR * loudest, self._fine) + np.uint32(_FINE_FRAMES << 8)])

    def _decide(self, end: int) -> None:
        """Finds the peaks of the frames before `end`, whose neighbours are all there; keeps what the next ones need."""
        if end <= self._decided:
            return
        self._found.append(self._largest(_NEAR, end))
        self._fine.append(self._largest(_FINE, end))
        first = max(self._first, end - _NEAR[0] // 2)
        self._level_KF, self._first, self._decided = self._level_KF[first - self._first :].copy(), first, end

    def _largest(self, near: tuple[int, int], end: int) -> _Levelled:
        """Returns the undecided peaks before frame `end` that are the largest values of their neighbourhoods."""
        from scipy import ndimage

        new = slice(self._decided - self._first, end - self._first)
        level_KF = self._level_KF[new]
        largest_KF = ndimage.maximum_filter(self._level_KF, size=near, mode="constant")[new]
        frames, bins = np.nonzero((level_KF == largest_KF) & (level_KF > 0))
        peaks_N: Peaks = ((frames + self._decided).astype(np.uint32) << np.uint32(8)) | bins.astype(np.uint32)
        return peaks_N, level_KF[frames, bins]


def _over(floor: float, found: Sequence[_Levelled]) -> Peaks:
    kept = [peaks_N[levels_N > floor] for peaks_N, levels_N in found]
    return np.concatenate(kept) if kept else np.zeros(0, np.uint32)


def text_of(peaks_N: Peaks) -> str:
    """Returns peaks as text."""
    return base64.b64encode(peaks_N.astype("<u4").tobytes()).decode()


def peaks_in(text: str) -> Peaks:
    """Returns the peaks that `text_of` wrote."""
    return np.frombuffer(base64.b64decode(text), "<u4").astype(np.uint32)


def similar(fingerprints: Sequence[Peaks]) -> list[tuple[int, int]]:
    """Returns pairs (a, b), a < b, of positions whose recordings share audio.

    Of many that all share the same audio, not every pair is there, but each recording is linked to the others through
    pairs. Memory: 12 bytes per peak, and 8 million keys at a time.
    """
    owner_N = np.repeat(np.arange(len(fingerprints), dtype=np.int32), [len(peaks) for peaks in fingerprints])
    if not len(owner_N):
        return []
    peaks_N = np.concatenate(list(fingerprints))
    parts = 1 + len(peaks_N) * len(_SHAPES) // _KEYS_AT_A_TIME
    return _agreeing(np.concatenate([_meetings(peaks_N, owner_N, part, parts) for part in range(parts)], axis=1))


def _meetings(peaks_N: Peaks, owner_N: _Owners, part: int, parts: int) -> _Integers:
    """Returns (3, M): two recordings with the same key, and the frames between its places in them.

    Of all keys, those whose remainder by `parts` is `part`.
    """
    blocks = [_keys(peaks_N, owner_N, start, part, parts) for start in range(0, len(peaks_N), _BLOCK)]
    keys, anchors = np.concatenate(blocks, axis=1)
    order = np.lexsort((anchors, keys))
    keys, anchors = keys[order], anchors[order]
    found = [np.zeros((3, 0), np.int64)]
    for distance in range(1, _NEIGHBOURS + 1):
        same = np.flatnonzero(keys[distance:] == keys[:-distance])
        first, second = anchors[same], anchors[same + distance]
        apart = owner_N[first] != owner_N[second]
        first, second = first[apart], second[apart]
        offset = (peaks_N[second] >> 8).astype(np.int64) - (peaks_N[first] >> 8)
        found.append(np.stack([owner_N[first], owner_N[second], offset]))
    return np.concatenate(found, axis=1)


def _keys(peaks_N: Peaks, owner_N: _Owners, start: int, part: int, parts: int) -> _Integers:
    """Returns (2, M): the keys of the triples whose first peak is in a block, and that peak's position."""
    block_N, owners_N = peaks_N[start : start + _BLOCK + _FOLLOWING], owner_N[start : start + _BLOCK + _FOLLOWING]
    frame_N, bin_N = (block_N >> 8).astype(np.int64), (block_N & 255).astype(np.int64)
    found = [np.zeros((2, 0), np.int64)]
    for middle, last in _SHAPES:
        a = np.arange(max(0, min(_BLOCK, len(block_N) - last)))
        b, c = a + middle, a + last
        a = a[(owners_N[a] == owners_N[c]) & (frame_N[c] - frame_N[a] < _LONGEST)]
        b, c = a + middle, a + last
        key = (
            bin_N[a] << 32 | bin_N[b] << 24 | bin_N[c] << 16 | (frame_N[b] - frame_N[a]) << 8 | frame_N[c] - frame_N[a]
        )
        chosen = key % parts == part
        found.append(np.stack([key[chosen], a[chosen] + start]))
    return np.concatenate(found, axis=1)


def _agreeing(meetings: _Integers) -> list[tuple[int, int]]:
    """Returns the pairs of recordings that meet often enough at one offset, or at it and the next one."""
    if not meetings.shape[1]:
        return []
    found, counts = np.unique(meetings, axis=1, return_counts=True)
    next_offset = (np.diff(found[:2], axis=1) == 0).all(axis=0) & (np.diff(found[2]) == 1)
    counts[:-1] += np.where(next_offset, counts[1:], 0)
    return sorted({(int(a), int(b)) for a, b in found[:2, counts >= _SHARED].T})
