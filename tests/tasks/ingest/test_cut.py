"""SPEC D1 to D3: where recordings are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest.config import IngestConfig
from tasks.ingest.cut import Cut, audible_cuts, audio_cuts, video_cut

CONFIG = IngestConfig()


def test_d1_the_final_eight_seconds_of_a_video_are_kept() -> None:
    assert video_cut(10.0, CONFIG) == Cut(start_s=2.0, duration_s=8.0)
    assert video_cut(8.0, CONFIG) == Cut(start_s=0.0, duration_s=8.0)
    assert video_cut(5.0, CONFIG) == Cut(start_s=0.0, duration_s=5.0)


def test_d2_the_first_eight_seconds_of_a_sound_are_kept() -> None:
    assert audio_cuts(10.0, CONFIG) == [Cut(start_s=0.0, duration_s=8.0)]
    assert audio_cuts(15.99, CONFIG) == [Cut(start_s=0.0, duration_s=8.0)]
    assert audio_cuts(3.0, CONFIG) == [Cut(start_s=0.0, duration_s=3.0)]


@pytest.mark.parametrize(("duration_s", "count"), [(16.0, 2), (24.5, 3), (39.9, 4), (40.0, 5), (3600.0, 5)])
def test_d3_long_sounds_give_up_to_five_portions(duration_s: float, count: int) -> None:
    assert len(audio_cuts(duration_s, CONFIG)) == count


@given(st.floats(0.5, 5000))
def test_d3_portions_stay_inside_and_do_not_overlap(duration_s: float) -> None:
    cuts = audio_cuts(duration_s, CONFIG)
    for cut, following in pairwise(cuts):
        assert cut.start_s + cut.duration_s <= following.start_s + 1e-9
    assert cuts[0].start_s == 0
    assert cuts[-1].start_s + cuts[-1].duration_s <= duration_s + 1e-9
    assert all(cut.duration_s <= 8 for cut in cuts)


@given(st.floats(16, 5000))
def test_d3_a_long_sound_gives_as_many_whole_portions_as_fit_up_to_five(duration_s: float) -> None:
    cuts = audio_cuts(duration_s, CONFIG)
    assert len(cuts) == min(5, int(duration_s // 8))
    assert {cut.duration_s for cut in cuts} == {8.0}
    starts = [cut.start_s for cut in cuts]
    assert all(later - earlier >= 8.0 - 1e-9 for earlier, later in pairwise(starts))
    assert starts[0] == 0 and abs(starts[-1] + 8.0 - duration_s) < 1e-6


def test_a2_silence_is_left_out_before_the_cut() -> None:
    assert audible_cuts(15.0, (9.0, 15.0), CONFIG) == [Cut(start_s=9.0, duration_s=6.0)]
    assert audible_cuts(12.0, (1.0, 11.5), CONFIG) == [Cut(start_s=1.0, duration_s=8.0)]
    assert audible_cuts(16.0, (0.05, 15.95), CONFIG) == audio_cuts(16.0, CONFIG)  # no silence worth the name
    assert audible_cuts(7.0, (2.0, 5.0), CONFIG) == [Cut(start_s=0.0, duration_s=7.0)]  # fits into a clip


@given(st.floats(0.6, 400), st.floats(0, 1), st.floats(0, 1))
def test_a2_cuts_are_those_of_the_audible_part_and_inside_the_recording(duration_s: float, a: float, b: float) -> None:
    audible_s = (min(a, b) * duration_s, max(a, b) * duration_s)
    cuts = audible_cuts(duration_s, audible_s, CONFIG)
    assert cuts[0].start_s >= 0 and cuts[-1].start_s + cuts[-1].duration_s <= duration_s + 1e-6
    assert all(min(CONFIG.min_s, duration_s) - 1e-6 <= cut.duration_s <= 8 for cut in cuts)
    if duration_s > 8 and 0.1 < audible_s[0] <= audible_s[1] - CONFIG.min_s < duration_s - 0.1 - CONFIG.min_s:
        assert cuts[0].start_s == audible_s[0]
        assert [cut.duration_s for cut in cuts] == [
            cut.duration_s for cut in audio_cuts(audible_s[1] - audible_s[0], CONFIG)
        ]
