"""The in-process backend against the programs it replaces: SoX, FFmpeg, pyroomacoustics' own convolution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from data_contracts import ItemError
from tasks.augment.operations.distance import move_away
from tasks.augment.operations.dynamics import Dynamics
from tasks.augment.operations.speed import Speed
from tasks.augment.recipe import Recipe
from tasks.augment.room import Response, Room, build_shoebox, draw_room, image_source_responses, simulate
from tasks.augment.silence import trim_silence
from tasks.media.audio import read_audio
from tasks.media.samples import Samples
from tests.tasks.augment.build import BY_TOOL, CONTEXT
from tests.tasks.sounds import RATE, strikes, tone

pytestmark = pytest.mark.tools
STEP = 1 / 32768
rates = st.sampled_from([8_000, 16_000, 44_100, 48_000])


def by_both(recipe: Recipe, sound: Samples, rate_hz: int) -> list[Samples]:
    """Returns what the program and what the in-process code make of audio."""
    return [recipe.change(sound, rate_hz, context) for context in (BY_TOOL, CONTEXT)]


def noise(seed: int, count: int, top: float = 1.0, peak: float = 0.5) -> Samples:
    """Returns noise up to `top` of Nyquist, faded at both ends."""
    white = np.random.default_rng(seed).uniform(-peak, peak, count)
    if top < 1.0:
        white = signal.fftconvolve(white, signal.firwin(511, top), "same")
    return (white * signal.windows.tukey(count, 0.2)).astype(np.float32)


@settings(max_examples=12, deadline=None)
@given(st.floats(0.7, 1.3), rates, st.integers(0, 99), st.floats(0.2, 1.5))
def test_a3_speed_is_sox_within_two_steps(factor: float, rate_hz: int, seed: int, duration_s: float) -> None:
    factor = round(factor, 4)  # SoX is told six decimals
    sound = noise(seed, round(duration_s * rate_hz), top=0.8 * min(1.0, 1 / factor))
    by_sox, here = by_both(Speed(factor=factor), sound, rate_hz)
    assert len(by_sox) == len(here)
    assert np.max(np.abs(by_sox - here)[8:-8]) <= 2 * STEP


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_a3_full_band_noise_is_60_db_close(factor: float) -> None:
    sound = noise(5, 44_100)
    by_sox, here = by_both(Speed(factor=factor), sound, 44_100)
    error, power = np.mean(np.square(by_sox - here)), np.mean(np.square(by_sox))
    assert 10 * np.log10(power / error) > 60


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(["crescendo", "decrescendo"]),
    st.sampled_from(["straight", "late", "early"]),
    st.floats(3, 60),
    rates,
    st.integers(0, 99),
    st.floats(1.0, 3.0),
)
def test_a5_dynamics_is_ffmpeg_within_one_step(
    direction: str, curve: str, span_db: float, rate_hz: int, seed: int, duration_s: float
) -> None:
    sound = noise(seed, round(duration_s * rate_hz), peak=0.99)
    recipe = Dynamics(direction=direction, span_db=round(span_db, 3), curve=curve)
    by_ffmpeg, here = by_both(recipe, sound, rate_hz)
    np.testing.assert_allclose(by_ffmpeg, here, rtol=0, atol=STEP)


pieces = st.lists(
    st.tuples(st.sampled_from([0.0, 1e-5, 9.9e-4, 1.01e-3, 0.02, 0.7]), st.integers(1, 3000)), min_size=1, max_size=6
)


@settings(max_examples=12, deadline=None)
@given(pieces, st.integers(0, 99))
def test_a2_trim_is_silenceremove_sample_for_sample(parts: list[tuple[float, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = np.concatenate([peak * rng.choice([-1.0, 1.0], count) for peak, count in parts]).astype(np.float32)
    results = []
    for backend in ("tool", "fast"):
        try:
            trimmed = trim_silence(sound, RATE, -60, backend)
            results.append((trimmed.start_s, trimmed.samples_T.tolist()))
        except ItemError as error:
            results.append((error.reason, []))
    first, second = results
    assert first[1] == second[1]
    if len(set(map(abs, first[1]))) > 1:  # in constant audio, FFmpeg's slice can be found at more than one place
        assert first[0] == second[0]


@pytest.fixture(scope="module")
def far() -> tuple[Room, Response]:
    room = draw_room(11, near_m=0.5, far_m=(7.0, 7.0), t60_s=(0.5, 0.65))
    return room, simulate(room, RATE)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99), st.floats(0.1, 4.0), st.floats(0.01, 1.0))
def test_a4_the_fast_convolution_is_within_one_step(
    far: tuple[Room, Response], seed: int, duration_s: float, peak: float
) -> None:
    sound = noise(seed, round(duration_s * RATE), peak=peak)
    exact, fast = (move_away(sound, far[1], backend) for backend in ("tool", "fast"))
    shared = min(len(exact), len(fast))
    assert max(len(exact), len(fast)) - shared <= 0.01 * RATE  # the tail ends where it falls under -60 dB
    np.testing.assert_allclose(exact[:shared], fast[:shared], rtol=0, atol=STEP)


def test_a4_convolving_is_what_pyroomacoustics_does(far: tuple[Room, Response]) -> None:
    sound = strikes(1.0, [0.1, 0.5])
    simulated = build_shoebox(far[0], RATE)
    simulated.sources[0].add_signal(np.zeros(len(sound)))
    simulated.sources[1].add_signal(sound.astype(np.float64))
    simulated.simulate()
    heard = simulated.mic_array.signals[0]
    _, response = image_source_responses(far[0], RATE)
    expected = signal.fftconvolve(sound.astype(np.float64), response)
    np.testing.assert_allclose(heard[: len(expected)], expected, rtol=0, atol=STEP)


@pytest.mark.realdata
def test_both_backends_agree_on_real_recordings(realdata: Path) -> None:
    paths = sorted(path for path in (realdata / "audio").rglob("*.*") if path.suffix in (".ogg", ".wav", ".flac"))
    compared = 0
    for path in paths[::28]:
        sound, rate_hz = read_audio(path)
        sound = np.clip(sound, -1, 1)
        trims = [trim_silence(sound, rate_hz, -60, backend) for backend in ("tool", "fast")]
        np.testing.assert_array_equal(trims[0].samples_T, trims[1].samples_T)
        for factor in (0.7, 1.3):
            by_sox, here = by_both(Speed(factor=factor), sound, rate_hz)
            assert len(by_sox) == len(here)
            error = np.abs(by_sox - here).astype(np.float64)[8:-8]
            assert np.max(error) <= 8 * STEP, path.name
            assert np.mean(np.square(error)) <= 10**-7.5 * np.mean(np.square(by_sox, dtype=np.float64)), path.name
        if len(sound) > rate_hz:
            shaped = by_both(Dynamics(direction="crescendo", span_db=20), sound, rate_hz)
            np.testing.assert_allclose(shaped[0], shaped[1], rtol=0, atol=STEP)
        compared += 1
    assert compared >= 12


def test_tone_of_one_level_is_trimmed_at_its_edges_only() -> None:
    sound = np.concatenate([np.zeros(500), tone(0.3)[7:], np.zeros(900)]).astype(np.float32)
    both = [trim_silence(sound, RATE, -60, backend) for backend in ("tool", "fast")]
    assert both[0].start_s == both[1].start_s
    np.testing.assert_array_equal(both[0].samples_T, both[1].samples_T)
