"""SPEC A2 and what holds for every sound: judged on the decoded file, refused with both numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ItemError
from tasks.augment.bank import RoomBank
from tasks.augment.checks import check_sound
from tasks.augment.config import AugmentConfig
from tasks.augment.dynamics import Dynamics
from tasks.augment.encode import flac_bytes, flac_samples
from tasks.augment.make import make_sound
from tasks.augment.plan import Recipe
from tasks.augment.silence import TrimSilence, trim_silence
from tasks.augment.speed import Speed
from tasks.media.audio import write_flac
from tests.tasks.sounds import RATE, strikes, tone


@pytest.mark.parametrize(
    ("after", "reason", "message"),
    [
        (tone(1.0) * np.float32(1e-4), "silent", r"-86\.\d dBFS; wanted over -80"),
        (np.sign(tone(1.0)), "clipped", r"\d+ samples at full scale; the source has 0"),
        (tone(1.0) + np.float32(0.2), "dc_offset", r"the mean is -6\.\d dB of the level; wanted at most -20"),
        (np.pad(tone(1.0), (0, RATE // 2)), "edge_silence", r"0\.500 s of silence at an end; wanted at most 0\.1"),
        (np.pad(tone(1.0), (RATE // 5, 0)), "edge_silence", r"0\.200 s"),
    ],
)
def test_a_bad_sound_is_refused_with_both_numbers(after: np.ndarray, reason: str, message: str) -> None:
    with pytest.raises(ItemError, match=message) as caught:
        check_sound(tone(1.0), after.astype(np.float32), RATE, silence_db=-60)
    assert caught.value.reason == reason


def test_a_source_that_is_clipped_already_is_no_fault_of_the_change() -> None:
    square = np.sign(tone(1.0)) * np.float32(1.0)
    assert check_sound(square, square, RATE, silence_db=-60)["peak_db"] == pytest.approx(0, abs=0.01)


@settings(max_examples=30)
@given(st.integers(0, 99), st.integers(1, 5000), st.sampled_from([8_000, 44_100]))
def test_flac_in_memory_is_the_file_that_would_be_written(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, rate_hz: int
) -> None:
    samples = np.random.default_rng(seed).uniform(-1.1, 1.1, count).astype(np.float32)
    path = Path(tmp_path_factory.mktemp("flac")) / "a.flac"
    write_flac(path, samples, rate_hz)
    content = flac_bytes(samples, rate_hz)
    assert path.read_bytes() == content
    np.testing.assert_allclose(flac_samples(content), np.clip(samples, -1, 32767 / 32768), atol=0.51 / 32768)


def test_nan_is_never_written() -> None:
    with pytest.raises(ValueError, match="not finite"):
        flac_bytes(np.array([0.0, np.nan], np.float32), RATE)


recipes = st.one_of(
    st.none(),
    st.builds(Speed, factor=st.floats(0.7, 1.3)),
    st.builds(Dynamics, direction=st.sampled_from(["crescendo", "decrescendo"]), span_db=st.floats(3.5, 25)),
    st.just("far"),
)


@pytest.fixture(scope="module")
def bank() -> RoomBank:
    return RoomBank(config=AugmentConfig(rooms=2), dataset_version="1")


@settings(max_examples=30, deadline=None)
@given(
    recipes,
    st.lists(st.floats(0.0, 7.5), min_size=4, max_size=30, unique_by=lambda s: round(s * 5)),
    st.floats(0.05, 1.0),
    st.floats(0.0, 1.0),
    st.floats(2.0, 10.0),
)
def test_whatever_is_made_keeps_the_laws(
    bank: RoomBank, recipe: Recipe | str, times_s: list[float], peak: float, lead_s: float, max_s: float
) -> None:
    """What is refused says so; what is not refused is trimmed, unclipped, audible and no longer than it may be."""
    sound = np.concatenate([np.zeros(round(lead_s * RATE)), strikes(8.0, sorted(times_s), peak=peak)])
    source = trim_silence(sound.astype(np.float32), RATE, TrimSilence(threshold_db=-60)).samples_T
    config = AugmentConfig(rooms=2, max_s=max_s)
    chosen = bank.draw(7, RATE) if isinstance(recipe, str) else recipe
    try:
        made = make_sound(source, RATE, chosen, config, bank)
    except ItemError as error:
        assert error.reason in {"effect_missing", "too_short"} and any(c.isdigit() for c in error.message)
        return
    np.testing.assert_array_equal(made.samples_T, flac_samples(made.content))
    assert len(made.samples_T) <= round(max_s * RATE)
    assert 1e-4 < np.max(np.abs(made.samples_T)) <= 1.0
    edge_s = made.measured["edge_silence_s"]
    assert edge_s is not None and edge_s <= 0.1
    again = make_sound(source, RATE, chosen, config, bank)
    assert again.content == made.content and again.measured == made.measured
