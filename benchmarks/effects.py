"""Augmented rows of real recordings, judged by measurements that the pipeline does not use (SPEC A8).

`python -m benchmarks.effects FOLDER [MARKS.csv]` fills the strata of the verification sheet (20 rows per speed level,
50 each of Near, Loud, Crescendo, Decrescendo) with changes of the recordings in FOLDER, in a fixed random order, and
prints which share of each stratum is right, with its exact 95 % interval, and how many changes were refused.

What counts as right:
- speed: of the factors 0.7, 1 and 1.3, the source read at the wanted one agrees best with the result, sample by sample;
- distance: the K-weighted loudness (ITU-R BS.1770) falls by 6 dB or more, what is above 4 kHz falls by 1 dB more than
  what is below 1 kHz, and there is reverberation: in the response that leads from the source to the result, found by
  regularised division of their spectra, the share of energy over 20 ms after the peak is 0.1 above that of a copy;
- dynamics: every third of the audio is audible; by the mean K-weighted loudness of 0.4 s, the last third is 3 dB louder
  (softer) than the first, and the middle one is not more than 4 dB beyond either.

Legend: T samples, N blocks.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy import signal, stats

from data_contracts import ItemError
from data_contracts.adverbs import CHANGES, LEVELS, Change, degree_of
from data_contracts.contract import to_json
from tasks.augment.bank import RoomBank
from tasks.augment.config import AugmentConfig
from tasks.augment.ends import prepare_source
from tasks.augment.make import Made, make_change, shared_length_s
from tasks.augment.operations.speed import FACTORS
from tasks.augment.recipe import AugmentContext
from tasks.commands.verify.sheet import STRATA
from tasks.engine.workspace import hash_text, seed_for
from tasks.media.audio import read_audio
from tasks.media.samples import Samples

_SUFFIXES: Final = (".flac", ".mp3", ".ogg", ".wav")
_ROOMS: Final = 12
_COMPARED_S: Final = 1.5
_REGULARISED: Final = 0.01
_RESPONSE_S: Final = 0.5
_LATE_S: Final = 0.02
_FALL_DB: Final = 6.0
_AUDIBLE_DB: Final = 30.0
_FAINT_DB: Final = -65.0
_COLUMNS: Final = ("stratum", "recording", "level", "degree", "right", "found", "by")

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One row of the sheet: what was made of a recording, whether it is right, and what was found."""

    stratum: str
    recording: str
    level: str
    degree: str
    right: bool
    found: str


def judge(change: Change, before_T: Samples, made: Made, rate_hz: int) -> tuple[bool, str]:
    """Returns whether a change happened, and the numbers that say so."""
    if change.operation == "distance":
        return _farther(before_T, made.samples_T, rate_hz)
    if change.operation == "dynamics":
        return _trend(made.samples_T, rate_hz, 1 if change.level == "crescendo" else -1)
    return _speed(before_T, made.samples_T, rate_hz, FACTORS.get(change.variant, 1.0))


def _speed(before_T: Samples, after_T: Samples, rate_hz: int, wanted: float) -> tuple[bool, str]:
    after = after_T[: round(_COMPARED_S * rate_hz)].astype(np.float64)
    agreement = {}
    for factor in (0.7, 1.0, 1.3):
        read = np.interp(np.arange(len(after)) * factor, np.arange(len(before_T)), before_T)
        agreement[factor] = float(read @ after / np.sqrt((read @ read) * (after @ after) + 1e-12))
    best = max(agreement, key=lambda factor: agreement[factor])
    return best == wanted and agreement[best] > 0.5, f"x{best:g}, agreement {agreement[best]:.3f}"


def _farther(before_T: Samples, after_T: Samples, rate_hz: int) -> tuple[bool, str]:
    louder, softer = (_mean_db(k_weighted(one, rate_hz)) for one in (before_T, after_T[: len(before_T)]))
    darker = _tilt_db(after_T, rate_hz) - _tilt_db(before_T, rate_hz)
    late, copied = (_late_share(before_T, one, rate_hz) for one in (after_T, before_T))
    right = softer < louder - _FALL_DB and darker < -1.0 and late > copied + 0.1
    return right, f"{softer - louder:+.1f} dB, above 4 kHz {darker:+.1f} dB more, late {late:.2f}, a copy {copied:.2f}"


def _trend(after_T: Samples, rate_hz: int, sign: int) -> tuple[bool, str]:
    level_N = _levels_db(k_weighted(after_T, rate_hz), rate_hz, 0.4, 0.1)
    audible_N = (level_N > level_N.max() - _AUDIBLE_DB) & (level_N > _FAINT_DB)
    thirds = [
        level[audible] for level, audible in zip(np.array_split(level_N, 3), np.array_split(audible_N, 3), strict=True)
    ]
    if not all(len(third) for third in thirds):
        return False, "a third is silent"
    first, middle, last = (sign * float(third.mean()) for third in thirds)
    right = last - first >= 3.0 and first - 4.0 < middle < last + 4.0
    return (
        right,
        f"{sign * (last - first):+.1f} dB from first to last third, the middle at {sign * (middle - first):+.1f}",
    )


def k_weighted(samples_T: Samples, rate_hz: int) -> _Floats:
    """Returns audio through the two filters of ITU-R BS.1770, designed for its rate."""
    shelf = _shelf(min(1681.97, 0.4 * rate_hz), 3.99984, 0.70718, rate_hz)
    high_pass = signal.butter(2, 38.135, "highpass", fs=rate_hz)
    weighted: _Floats = signal.lfilter(*high_pass, signal.lfilter(*shelf, samples_T.astype(np.float64)))
    return weighted


def _shelf(hz: float, gain_db: float, quality: float, rate_hz: int) -> tuple[_Floats, _Floats]:
    amplitude, angle = 10 ** (gain_db / 40), 2 * np.pi * hz / rate_hz
    cosine, width = np.cos(angle), 2 * np.sqrt(amplitude) * np.sin(angle) / (2 * quality)
    up, down = amplitude + 1, amplitude - 1
    zeros = amplitude * np.array([up + down * cosine + width, -2 * (down + up * cosine), up + down * cosine - width])
    poles = np.array([up - down * cosine + width, 2 * (down - up * cosine), up - down * cosine - width])
    return zeros / poles[0], poles / poles[0]


def _levels_db(samples_T: npt.NDArray[np.floating], rate_hz: int, window_s: float, step_s: float) -> _Floats:
    """Returns the level of each window, in dB of full scale."""
    window, step = max(1, min(len(samples_T), round(window_s * rate_hz))), max(1, round(step_s * rate_hz))
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples_T, dtype=np.float64))])
    starts = np.arange(0, len(samples_T) - window + 1, step)
    return np.asarray(10 * np.log10((energy[starts + window] - energy[starts]) / window + 1e-12))


def _mean_db(samples_T: _Floats) -> float:
    return float(10 * np.log10(np.mean(np.square(samples_T)) + 1e-12))


def _late_share(before_T: Samples, after_T: Samples, rate_hz: int) -> float:
    """Returns the share of energy over 20 ms after the peak in the response from `before_T` to `after_T`."""
    count = scipy.fft.next_fast_len(len(before_T) + len(after_T), real=True)
    before, after = (scipy.fft.rfft(one.astype(np.float64), count) for one in (before_T, after_T))
    power = np.square(np.abs(before))
    response = scipy.fft.irfft(after * before.conj() / (power + _REGULARISED * power.mean()), count)
    peak = int(np.argmax(np.abs(response)))
    energy = np.square(np.roll(response, -peak)[: round(_RESPONSE_S * rate_hz)])
    return float(energy[round(_LATE_S * rate_hz) :].sum() / energy.sum())


def _tilt_db(samples_T: Samples, rate_hz: int) -> float:
    """Returns the level above 4 kHz against that below 1 kHz."""
    hz, power = signal.welch(samples_T, rate_hz, nperseg=min(2048, len(samples_T)))
    return float(10 * np.log10((power[hz > 4000].sum() + 1e-12) / (power[hz < 1000].sum() + 1e-12)))


def stratum_of(change: Change) -> str:
    """Returns the stratum of the verification sheet that a change belongs to."""
    if LEVELS[change.level].dimension == "speed":
        return f"speed {change.level}"
    return f"{change.side} source" if change.operation == "distance" else change.level


def marks_of(folder: Path, refused: Counter[str]) -> Iterator[Mark]:
    """Yields the marks until every stratum is full or the recordings end; counts refusals by level and reason."""
    config = AugmentConfig(rooms=_ROOMS)
    context = AugmentContext(config=config, rooms=RoomBank(config=config, dataset_version="effects"))
    paths = sorted(
        (path for path in folder.rglob("*") if path.suffix in _SUFFIXES),
        key=lambda path: hash_text("effects", path.name),
    )
    missing = Counter(STRATA)
    for path in paths:
        wanted = [change for change in CHANGES if missing[stratum_of(change)] > 0]
        if not wanted:
            return
        try:
            samples_T, rate_hz = read_audio(path)
            source_T = prepare_source(samples_T, rate_hz, config).samples_T
        except ItemError as error:
            refused[f"all levels: {error.reason}"] += 1
            continue
        for change in wanted:
            if missing[stratum_of(change)] == 0:
                continue  # filled by this recording's other side
            seed = seed_for("effects", path.name, change.side, change.level)
            try:
                limited = replace(context, length_s=shared_length_s(change, source_T, rate_hz, config))
                recipe, made = make_change(change, source_T, rate_hz, seed, limited)
            except ItemError as error:
                refused[f"{change.level}: {error.reason}"] += 1
                continue
            missing[stratum_of(change)] -= 1
            right, found = judge(change, source_T, made, rate_hz)
            degree = degree_of(to_json({"degree": recipe.degree()}))
            name = path.relative_to(folder).as_posix()
            yield Mark(
                stratum=stratum_of(change), recording=name, level=change.level, degree=degree, right=right, found=found
            )


def main() -> None:
    """Prints the table, and writes the marks where a path is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="recordings, at any depth")
    parser.add_argument("marks", type=Path, nargs="?", help="CSV file to write")
    options = parser.parse_args()
    refused: Counter[str] = Counter()
    marks = list(marks_of(options.folder, refused))
    if not marks:
        parser.error(f"no recording below {options.folder} can be changed")
    for stratum in STRATA:
        answers = [mark.right for mark in marks if mark.stratum == stratum]
        if not answers:
            continue
        low, high = stats.binomtest(sum(answers), len(answers)).proportion_ci(method="exact")
        print(f"{stratum:18s} {sum(answers):3d} of {len(answers):3d}  {low:.3f} to {high:.3f}")
    total = sum(mark.right for mark in marks)
    low, high = stats.binomtest(total, len(marks)).proportion_ci(method="exact")
    print(f"{'all':18s} {total:3d} of {len(marks):3d}  {low:.3f} to {high:.3f}")
    print("refused:", ", ".join(f"{reason} {count}" for reason, count in sorted(refused.items())) or "none")
    if options.marks:
        with options.marks.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            for mark in marks:
                right = "yes" if mark.right else "no"
                row = (mark.stratum, mark.recording, mark.level, mark.degree, right, mark.found, "benchmarks.effects")
                writer.writerow(row)


if __name__ == "__main__":
    main()
