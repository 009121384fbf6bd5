"""SPEC A2-A5 on real recordings: clocks that keep true time, and the share of recordings that each change works on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from data_contracts import ItemError
from data_contracts.adverbs import change_of
from tasks.augment.make import make_audio
from tasks.augment.operations.speed import Speed
from tasks.augment.recipe import AugmentContext, recipes_for
from tasks.augment.silence import trim_silence
from tasks.engine.workspace import seed_for
from tasks.media.audio import flac_bytes, flac_samples, read_audio
from tests.tasks.augment.build import make_context

pytestmark = pytest.mark.realdata
_HOP_S = 0.002


def recording(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Returns a recording as ingest would keep it: 8 s at most, 16 bits, without silence at its ends."""
    samples, rate_hz = read_audio(path)
    kept = flac_samples(flac_bytes(samples[: 8 * rate_hz], rate_hz))
    return trim_silence(kept, rate_hz, -60).samples_T, rate_hz


def tick_interval_s(samples: npt.NDArray[np.float32], rate_hz: int, about_s: float) -> float:
    """Returns the time between ticks nearest `about_s`: where the loudness rises agree with themselves, later."""
    hop = round(_HOP_S * rate_hz)
    count = len(samples) // hop
    power = np.mean(np.square(samples[: count * hop].reshape(count, hop), dtype=np.float64), axis=1)
    rises = np.maximum(0, np.diff(np.sqrt(power)))
    rises = np.convolve(rises - rises.mean(), np.hanning(9), mode="same")
    agreement = np.correlate(rises, rises, mode="full")[len(rises) - 1 :]
    agreement = agreement / np.arange(len(agreement), 0, -1)
    step_s = hop / rate_hz
    low, high = round(0.85 * about_s / step_s), round(1.18 * about_s / step_s)
    best = low + int(np.argmax(agreement[low : high + 1]))
    three = agreement[best - 1 : best + 2]
    return float((best + 0.5 * (three[0] - three[2]) / (three[0] - 2 * three[1] + three[2])) * step_s)


def test_a3_clocks_tick_at_the_new_rate(realdata: Path) -> None:
    """Tick intervals of fast and slow clocks scale by 1.30 and 0.70 within 0.05, in 22 of 27 clips or more."""
    table = pd.read_csv(realdata / "MANIFEST.csv")
    clocks = table[table.file.str.contains("clock_tick") & table.adverb.fillna("").str.startswith("speed")]
    context = make_context(rooms=1)
    assert len(clocks) >= 10
    right = 0
    for clock in clocks.itertuples():
        sound, rate_hz = recording(realdata / str(clock.file))
        before_s = tick_interval_s(sound, rate_hz, 1 / float(clock.event_rate_hz))
        ratios = []
        for factor in (1.3, 0.7):
            made = make_audio(Speed(factor=factor), sound, rate_hz, context)
            ratios.append(before_s / tick_interval_s(made.samples_T, rate_hz, before_s / factor) / factor)
        right += all(abs(ratio * factor - factor) <= 0.05 for ratio, factor in zip(ratios, (1.3, 0.7), strict=True))
    print(f"tick intervals right in {right} of {len(clocks)} clocks")
    assert right / len(clocks) >= 22 / 27


LEVELS = {
    "very_fast": "fast",
    "very_slow": "slow",
    "far": "near",
    "crescendo": "loud",
    "decrescendo": "loud",
}
"""Level -> the side it is made from."""


def outcomes(path: Path, context: AugmentContext) -> dict[str, str]:
    """Returns what became of each level of one recording: `made`, or the reason of the refusal."""
    sound, rate_hz = recording(path)
    found = {}
    for level, side in LEVELS.items():
        reason = "?"
        for recipe in recipes_for(change_of(side, level), seed_for(path.name), rate_hz, context):
            try:
                made = make_audio(recipe, sound, rate_hz, context)
            except ItemError as error:
                reason = error.reason
                assert any(sign.isdigit() for sign in error.message), error.message
            else:
                assert made.samples_T.size and len(made.samples_T) <= 8 * rate_hz
                reason = "made"
                break
        found[level] = reason
    return found


def rates(paths: list[Path]) -> tuple[dict[str, Counter[str]], int]:
    context = make_context(rooms=12)
    counts: dict[str, Counter[str]] = {level: Counter() for level in LEVELS}
    done = 0
    for path in paths:
        for level, reason in outcomes(path, context).items():
            counts[level][reason] += 1
        done += 1
    for level, reasons in counts.items():
        print(f"{level:12s} {dict(reasons.most_common())}")
    return counts, done


@pytest.mark.parametrize(
    "stride", [pytest.param(1, marks=pytest.mark.slow, id="all"), pytest.param(8, id="one in eight")]
)
def test_every_recording_is_changed_or_refused_with_a_reason(realdata: Path, stride: int) -> None:
    """Speed and distance work on 95 % and more; a trend on recordings without a stronger one of their own."""
    counts, done = rates(sorted((realdata / "audio" / "esc10").rglob("*.ogg"))[::stride])
    assert all(sum(reasons.values()) == done for reasons in counts.values())
    for level in ("very_fast", "very_slow", "far"):
        assert counts[level]["made"] >= 0.95 * done, (level, counts[level])
    for level in ("crescendo", "decrescendo"):
        assert counts[level]["made"] >= 0.55 * done
        assert set(counts[level]) <= {"made", "effect_missing", "too_short"}
