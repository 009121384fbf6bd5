"""Modal synthesis: modes and decays of a struck body, and the three cues of distance."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.corpus.materials import MATERIALS, SIZES, Material
from tasks.corpus.modal import RATE_HZ, at_distance, gain, make_body, render_strike, render_strikes, room_tone
from tests.tasks.corpus.measures import centroid_hz, energy_share, level_db, treble_share

each_material = pytest.mark.parametrize("material", MATERIALS.values(), ids=lambda material: material.name)
seeds = st.integers(0, 2**32 - 1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.sampled_from(list(MATERIALS.values())), seeds)
def test_all_modes_of_a_body_can_be_sampled_and_die_away(material: Material, seed: int) -> None:
    body = make_body(material, rng(seed))
    assert len(body.frequencies_hz) == len(body.decays) == len(body.gains) > 0
    assert (body.frequencies_hz > 0).all() and body.frequencies_hz.max() < 0.45 * RATE_HZ
    assert (body.decays > 0).all() and (body.gains > 0).all()
    again = make_body(material, rng(seed))
    assert np.array_equal(body.frequencies_hz, again.frequencies_hz) and np.array_equal(body.decays, again.decays)


@given(st.sampled_from(list(MATERIALS.values())), seeds)
def test_higher_modes_of_a_body_die_away_faster(material: Material, seed: int) -> None:
    """Over many bodies: each mode draws its own t60, so a single pair may be the other way round."""
    decays = np.mean([make_body(material, rng(seed + n)).decays[[0, -1]] for n in range(12)], axis=0)
    assert decays[1] > decays[0] or len(make_body(material, rng(seed)).decays) == 1


@given(st.sampled_from(list(MATERIALS.values())), st.floats(*SIZES), seeds)
def test_the_lowest_mode_of_a_body_is_the_pitch_of_its_size(material: Material, size: float, seed: int) -> None:
    body = make_body(material, rng(seed), size=size)
    assert body.frequencies_hz[0] == pytest.approx(material.pitch_hz(size))


@each_material
def test_a_large_object_sounds_lower_than_a_small_one(material: Material) -> None:
    low_hz, high_hz = material.f0_hz
    below = round(2 * np.sqrt(low_hz * high_hz))  # bins are half a hertz wide
    shares = []
    for size in SIZES:
        strike_T = render_strike(make_body(material, rng(2), size=size), rng(3))
        power = np.abs(np.fft.rfft(strike_T, 2 * RATE_HZ)) ** 2
        shares.append(power[:below].sum() / power.sum())
    assert shares[1] > shares[0]


@each_material
def test_a_strike_starts_at_once_has_unit_peak_and_ends(material: Material) -> None:
    strike_T = render_strike(make_body(material, rng(3)), rng(4))
    assert np.max(np.abs(strike_T)) == pytest.approx(1.0, abs=1e-5)
    assert energy_share(strike_T, 0, 0.05) > 0.1
    assert np.abs(strike_T[-100:]).max() < 0.05
    assert len(strike_T) <= 2 * RATE_HZ


@each_material
def test_a_hard_strike_is_not_duller_than_a_soft_one(material: Material) -> None:
    body = make_body(material, rng(1))
    soft, hard = (
        np.mean([centroid_hz(render_strike(body, rng(n), hardness=hardness)) for n in range(8)])
        for hardness in (0.0, 1.0)
    )
    assert hard > soft


def test_materials_differ_in_how_they_ring() -> None:
    """Metal rings on, wood and cardboard do not; a drum or a cardboard box is the lowest."""
    strikes = {name: render_strike(make_body(material, rng(4)), rng(5)) for name, material in MATERIALS.items()}
    ring = {name: energy_share(strike_T, 0.125, 1.0) for name, strike_T in strikes.items()}
    assert ring["metal"] > 5 * max(ring["wood"], ring["cardboard"])
    assert min(strikes, key=lambda name: centroid_hz(strikes[name])) in ("skin", "cardboard")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1.95), max_size=6), seeds)
def test_strikes_sum_and_nothing_comes_before_the_first(times_s: list[float], seed: int) -> None:
    body = make_body(MATERIALS["wood"], rng(1))
    dry_T = render_strikes(body, times_s, [0.5] * len(times_s), 2.0, rng(seed))
    assert dry_T.shape == (2 * RATE_HZ,) and dry_T.dtype == np.float32
    first = round(min(times_s, default=2.0) * RATE_HZ)
    assert not dry_T[:first].any()
    assert np.max(np.abs(dry_T), initial=0) <= 0.5 * len(times_s) + 1e-6


def test_a_later_strike_is_the_same_strike_moved() -> None:
    body = make_body(MATERIALS["glass"], rng(1))
    early_T, late_T = (render_strikes(body, [time_s], [0.3], 3.0, rng(7)) for time_s in (0.25, 0.75))
    shift = RATE_HZ // 2
    np.testing.assert_array_equal(late_T[shift:], early_T[:-shift])
    assert np.max(np.abs(early_T)) == pytest.approx(0.3, abs=1e-5)


def test_a_strike_at_the_very_end_is_cut_there() -> None:
    body = make_body(MATERIALS["metal"], rng(1))
    dry_T = render_strikes(body, [1.99], [0.5], 2.0, rng(2))
    assert len(dry_T) == 2 * RATE_HZ and dry_T[-100:].any()


@each_material
def test_far_is_quieter_duller_and_more_reverberant_than_near(material: Material) -> None:
    source = rng(0)
    dry_T = render_strikes(make_body(material, source), [0.5, 2.5], [0.2, 0.2], 4.0, source)
    near_T, far_T = (at_distance(dry_T, metres, rng(1)) for metres in (0.7, 9.0))
    assert level_db(far_T) < level_db(near_T) - 6
    assert treble_share(far_T) < 0.7 * treble_share(near_T)
    if material.t60_s[1] < 0.3:  # a long ring masks the tail of the room
        assert energy_share(far_T, 0.62, 0.9) > 2 * energy_share(near_T, 0.62, 0.9)


def test_level_falls_steadily_with_distance() -> None:
    dry_T = render_strikes(make_body(MATERIALS["wood"], rng(0)), [0.5], [0.3], 2.0, rng(1))
    levels = [level_db(at_distance(dry_T, metres, rng(2))) for metres in (1.4, 2.0, 3.0, 5.0, 8.0, 11.0)]
    assert all(second < first - 0.5 for first, second in pairwise(levels))


@given(st.floats(0.6, 11.0))
@settings(max_examples=10, deadline=None)
def test_distance_delays_nothing_and_keeps_silence_silent(distance_m: float) -> None:
    click_T = np.zeros(RATE_HZ // 2, np.float32)
    assert not at_distance(click_T, distance_m, rng(0)).any()
    click_T[2000] = 0.5
    moved_T = at_distance(click_T, distance_m, rng(0))
    assert not moved_T[:2000].any() or np.max(np.abs(moved_T[:2000])) < 1e-6
    assert np.argmax(np.abs(moved_T)) - 2000 in range(3)  # the low-pass of the air may smear by a sample or two


@given(st.floats(-90, -20), seeds)
@settings(max_examples=10)
def test_room_tone_has_the_level_asked_for_and_little_treble(level: float, seed: int) -> None:
    tone_T = room_tone(RATE_HZ, level, rng(seed))
    assert level_db(tone_T) == pytest.approx(level, abs=0.02)
    assert centroid_hz(tone_T) < 2500


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_levels_add_where_gains_multiply(first_db: float, second_db: float) -> None:
    assert gain(first_db + second_db) == pytest.approx(gain(first_db) * gain(second_db))
    assert 20 * np.log10(gain(first_db)) == pytest.approx(first_db, abs=1e-9)
