"""Players: tracks to compare share their axes and scale, and say what is wrong with a file."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.workspace import Workspace
from tasks.media.audio import write_flac
from tasks.media.video_writer import write_video
from tasks.report.media import MediaEmbedder
from tasks.report.player import TrackInput, make_tracks, span_of
from tests.tasks.sounds import counting_frames, tone


@pytest.fixture
def media(tmp_path: Path) -> MediaEmbedder:
    """An embedder of a workspace with two FLAC files and a video."""
    workspace = Workspace(tmp_path)
    write_flac(workspace.stage("x") / "short.flac", tone(1.0), 16_000)
    write_flac(workspace.stage("x") / "long.flac", tone(3.2, rate_hz=44_100, peak=0.1), 44_100)
    write_video(workspace.stage("x") / "video.mp4", counting_frames(25), 25.0)
    return MediaEmbedder(workspace, budget=10**7)


def given_track(name: str, **changes: object) -> TrackInput:
    return TrackInput(title=name, kind="generated", audio_path=f"x/{name}.flac", **changes)  # type: ignore[arg-type]


@given(duration_s=st.floats(0.0, 500.0))
def test_an_axis_holds_the_duration_in_few_equal_steps(duration_s: float) -> None:
    span_s, ticks = span_of(duration_s)
    assert span_s >= duration_s - 0.05 and span_s <= max(1.0, 2 * duration_s + 1)
    numbers = [int(tick) for tick in ticks]
    assert numbers[0] == 0 and numbers[-1] == span_s and 2 <= len(numbers) <= 6
    assert len({b - a for a, b in itertools.pairwise(numbers)}) == 1


def test_tracks_share_the_time_axis_and_the_top_frequency(media: MediaEmbedder) -> None:
    short, long = make_tracks(media, [given_track("short"), given_track("long")])
    assert short.span_s == long.span_s == 4.0 and short.x_ticks == long.x_ticks == ("0", "1", "2", "3", "4")
    assert short.y_ticks == long.y_ticks == ("16", "8", "0")
    assert (short.duration_s, long.duration_s) == (1.0, 3.2)
    alone = make_tracks(media, [given_track("short")])[0]
    assert alone.span_s == 1.0 and alone.y_ticks == ("8", "4", "0") and alone.png != short.png


def test_the_louder_of_two_tracks_is_drawn_brighter(media: MediaEmbedder) -> None:
    quiet_alone = make_tracks(media, [given_track("long")])[0]
    quiet = make_tracks(media, [given_track("short"), given_track("long")])[1]
    assert quiet.png != quiet_alone.png and quiet.envelope != quiet_alone.envelope


def test_events_and_the_given_part_are_marked(media: MediaEmbedder) -> None:
    plain, marked = make_tracks(media, [given_track("short"), given_track("short", events_s=(0.5,), given_s=0.25)])
    assert "M50.00 0v9" in marked.events and 'class="given"' in marked.events
    assert "0v9" not in plain.events and "given" not in plain.events


def test_audio_is_embedded_unless_a_video_plays_it(media: MediaEmbedder) -> None:
    audio, video = make_tracks(media, [given_track("short"), given_track("short", video_path="x/video.mp4")])
    assert str(audio.audio).startswith("data:audio/flac") and audio.video is None
    assert video.audio is None and str(video.video).startswith("data:video/mp4")


def test_a_missing_video_leaves_the_audio_and_says_so(media: MediaEmbedder) -> None:
    (track,) = make_tracks(media, [given_track("short", video_path="x/gone.mp4")])
    assert track.audio and track.video is None and track.problem == "video: x/gone.mp4 is not there"


def test_a_missing_file_is_a_problem_of_its_track_alone(media: MediaEmbedder) -> None:
    gone, fine = make_tracks(media, [given_track("gone"), given_track("short")])
    assert gone.problem == "x/gone.flac is not there" and (gone.png, gone.audio) == ("", None)
    assert fine.problem is None and fine.audio
    (only,) = make_tracks(media, [given_track("gone")])
    assert only.problem


def test_silence_has_a_picture(media: MediaEmbedder) -> None:
    write_flac(media.workspace.path("x", "silent.flac"), np.zeros(16_000, np.float32), 16_000)
    (track,) = make_tracks(media, [given_track("silent")])
    assert track.problem is None and track.png.startswith("data:image/png")


def test_over_the_budget_the_picture_stays_and_the_audio_is_left_out(media: MediaEmbedder) -> None:
    media.budget = 10
    (track,) = make_tracks(media, [given_track("short")])
    assert track.png and track.audio is None and track.problem == "audio: left out to keep this file small"
    assert media.refused == 1
