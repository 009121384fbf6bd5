"""Clips of one recording: portions, levels, events and videos, and a reason where there is no clip (SPEC D1 to D3)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import Clip, ItemError
from data_contracts.files import hash_file
from tasks.engine.workspace import Workspace
from tasks.ingest.clips import ClipMaker
from tasks.ingest.config import IngestConfig
from tasks.ingest.resolve import ResolvedRecording
from tasks.media.audio import read_audio
from tasks.media.video import probe_video
from tasks.media.video_writer import write_video
from tests.tasks.sounds import RATE, counting_frames, strikes, tone, write_wav


def recording(audio: Path, video: Path | None = None, **values: Any) -> ResolvedRecording:
    plain: dict[str, Any] = {
        "item_id": "r",
        "name": "test",
        "path": audio.name,
        "caption": "A dog barks",
        "group": "g",
        "split": "train",
        "licence": "CC0-1.0",
        "event_times_s": None,
    }
    return ResolvedRecording(audio=audio, video=video, **{**plain, **values})


def clips_of(made: ResolvedRecording, root: Path, **values: Any) -> list[Clip]:
    workspace = Workspace(root)
    workspace.stage("ingest").mkdir(parents=True, exist_ok=True)
    return ClipMaker(IngestConfig(**values), "1", workspace).clips(made)


def reason_of(made: ResolvedRecording, root: Path, **values: Any) -> tuple[str, str]:
    with pytest.raises(ItemError) as caught:
        clips_of(made, root, **values)
    return caught.value.reason, caught.value.message


def mp4(path: Path, duration_s: float, audio: np.ndarray | None = None) -> Path:
    """Writes a video of 5 frames a second."""
    write_video(path, counting_frames(round(5 * duration_s)), 5, audio, None if audio is None else RATE)
    return path


def test_d3_silent_portions_are_left_out_and_the_others_keep_their_numbers(tmp_path: Path) -> None:
    silence = np.zeros(8 * RATE, np.float32)
    audio = write_wav(tmp_path / "a.wav", np.concatenate([tone(8), silence, tone(8, 600)]))
    clips = clips_of(recording(audio), tmp_path / "w")
    assert [(clip.item_id, clip.source_start_s) for clip in clips] == [("r~p1", 0.0), ("r~p3", 16.0)]
    assert len({clip.seed for clip in clips}) == 2


def test_at_most_as_many_portions_are_taken_as_the_recording_allows(tmp_path: Path) -> None:
    audio = write_wav(tmp_path / "a.wav", tone(41, 300, peak=0.3))
    assert len(clips_of(recording(audio), tmp_path / "w")) == 5
    assert [clip.item_id for clip in clips_of(recording(audio, portions=1), tmp_path / "w")] == ["r"]


@settings(max_examples=8, deadline=None)
@given(peak=st.floats(0.01, 3.0))
def test_only_audio_beyond_full_scale_is_made_quieter_and_the_row_says_by_how_much(
    tmp_path_factory: pytest.TempPathFactory, peak: float
) -> None:
    folder = tmp_path_factory.mktemp("gain")
    audio = write_wav(folder / "a.wav", tone(1, peak=peak), subtype="FLOAT")
    (clip,) = clips_of(recording(audio), folder / "w")
    samples, _ = read_audio(folder / "w" / clip.audio_path)
    gain_db = json.loads(clip.attributes_json).get("ingest_gain_db", 0.0)
    assert (gain_db < 0) == (np.abs(read_audio(audio)[0]).max() > 1)
    expected = read_audio(audio)[0] * 10 ** (gain_db / 20)
    np.testing.assert_allclose(samples, expected, atol=3e-4)


def test_a_row_describes_the_files_that_were_written(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", np.stack([tone(9), tone(9)], 1), RATE)
    (clip,) = clips_of(recording(tmp_path / "a.wav", attributes={"material": "wood"}), tmp_path / "w")
    assert clip.source_sha256 == hash_file(tmp_path / "a.wav")
    assert clip.audio_sha256 == hash_file(tmp_path / "w" / clip.audio_path)
    assert (clip.duration_s, clip.source_duration_s, clip.source_channels) == (8.0, 9.0, 2)
    assert (clip.subset, clip.video_path, clip.event_times_s) == ("tta", None, None)
    assert json.loads(clip.attributes_json) == {"material": "wood"}


def test_known_times_are_relative_to_the_clip_and_those_outside_are_left_out(tmp_path: Path) -> None:
    video = mp4(tmp_path / "v.mp4", 10.0, strikes(10.0, [1.0, 3.0, 9.0]))
    (clip,) = clips_of(recording(video, video, event_times_s=(1.0, 3.0, 9.0)), tmp_path / "w")
    assert clip.source_start_s == pytest.approx(2.0, abs=0.1)
    assert clip.event_times_s == pytest.approx((3.0 - clip.source_start_s, 9.0 - clip.source_start_s))


def test_the_caption_names_the_events_of_the_portion_kept(tmp_path: Path) -> None:
    video = mp4(tmp_path / "v.mp4", 10.0, strikes(10.0, [0.5, 6.0]))
    events = ((0.5, "metal", "hit"), (6.0, "wood", "scratch"))
    made = recording(video, video, events=events, event_times_s=(0.5, 6.0))
    (clip,) = clips_of(made, tmp_path / "w")
    assert clip.caption == "A wooden stick scratching wood"
    assert [event[1:] for event in json.loads(clip.attributes_json)["events"]] == [["wood", "scratch"]]
    outside = recording(video, video, events=events[:1], event_times_s=(0.5,))
    reason, message = reason_of(outside, tmp_path / "w")
    assert reason == "no_event" and "from 2." in message


def test_a_whole_video_is_copied_with_its_suffix_and_a_longer_one_is_cut(tmp_path: Path) -> None:
    short = mp4(tmp_path / "short.mp4", 3.0, tone(3)).rename(tmp_path / "short.MOV")
    (clip,) = clips_of(recording(short, short), tmp_path / "w")
    assert clip.video_path == "ingest/video/r.mov" and clip.video_sha256 == hash_file(short)
    long = mp4(tmp_path / "long.mp4", 4.0, tone(4))
    (clip,) = clips_of(recording(long, long), tmp_path / "w", clip_s=2.0, split_from_s=4.0, max_side=64)
    info = probe_video(tmp_path / "w" / str(clip.video_path))
    assert clip.video_path == "ingest/video/r.mp4" and info.duration_s == pytest.approx(2.0, abs=0.01)
    assert clip.source_start_s == pytest.approx(2.0, abs=0.05) and not info.has_audio


def test_a_suffix_that_is_none_of_a_video_is_not_kept(tmp_path: Path) -> None:
    video = mp4(tmp_path / "v.mp4", 2.0, tone(2)).rename(tmp_path / "v.wav")
    (clip,) = clips_of(recording(video, video), tmp_path / "w")
    assert clip.video_path == "ingest/video/r.mp4"


def test_a_recording_without_a_clip_says_why_and_leaves_no_file(tmp_path: Path) -> None:
    silent = write_wav(tmp_path / "silent.wav", np.zeros(RATE, np.float32))
    brief = write_wav(tmp_path / "brief.wav", tone(0.1))
    video = mp4(tmp_path / "v.mp4", 10.0, np.concatenate([tone(1), np.zeros(9 * RATE, np.float32)]))
    flash = mp4(tmp_path / "flash.mp4", 0.2)
    sound = write_wav(tmp_path / "long.wav", tone(3))
    faint = np.concatenate([np.zeros(8 * RATE, np.float32), 5e-4 * tone(8)])  # audible, and all of it under -60 dBFS
    cases = [
        (recording(silent), "silent", "silent.wav: the peak is 0.00"),
        (recording(brief), "too_short", "brief.wav: 0.100 s"),
        (recording(video, video), "silent", "v.mp4: nothing is audible from 2."),
        (recording(sound, flash), "too_short", "flash.mp4: 0.200 s of video"),
        (recording(write_wav(tmp_path / "b.wav", faint), portions=1), "silent", "b.wav: nothing is audible in the 1"),
    ]
    for made, reason, message in cases:
        found = reason_of(made, tmp_path / "w")
        assert found[0] == reason and message in found[1], found
    assert not [path for path in (tmp_path / "w").rglob("*") if path.is_file()]


def test_a_clip_of_channels_in_opposite_phase_says_which_one_was_taken(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", np.stack([tone(1), -tone(1)], 1), RATE)
    (clip,) = clips_of(recording(tmp_path / "a.wav"), tmp_path / "w")
    assert json.loads(clip.attributes_json) == {"ingest_channel": 0} and clip.source_channels == 2


def test_a2_silence_before_the_audio_does_not_count_as_the_clip(tmp_path: Path) -> None:
    """Nine seconds of silence and six of audio: the clip is the audio, also under a DC offset."""
    sound = np.concatenate([np.zeros(9 * RATE, np.float32), tone(6)[10:]])
    for number, offset in enumerate((0.0, 0.2)):
        audio = write_wav(tmp_path / f"{number}.wav", sound + np.float32(offset))
        (clip,) = clips_of(recording(audio), tmp_path / "w")
        assert clip.source_start_s == pytest.approx(9.0, abs=1e-3)
        assert clip.duration_s == pytest.approx(6.0, abs=2e-3)


@pytest.mark.parametrize(("duration_s", "tails_s"), [(7.0, [None]), (9.0, [1.0]), (12.0, [2.5]), (17.0, [2.5, None])])
def test_what_follows_a_clip_is_kept_beside_it_and_continues_it(
    tmp_path: Path, duration_s: float, tails_s: list[float | None]
) -> None:
    audio = write_wav(tmp_path / "a.wav", np.random.default_rng(0).uniform(-0.5, 0.5, round(duration_s * RATE)))
    source, _ = read_audio(audio)
    clips = clips_of(recording(audio), tmp_path / "w")
    found = [None if clip.tail_path is None else read_audio(tmp_path / "w" / clip.tail_path)[0] for clip in clips]
    assert [None if tail is None else pytest.approx(len(tail) / RATE, abs=1e-3) for tail in found] == tails_s
    for clip, tail in zip(clips, found, strict=True):
        if tail is not None and clip.tail_path is not None:
            assert clip.tail_sha256 == hash_file(tmp_path / "w" / clip.tail_path)
            start = round(clip.source_start_s * RATE)
            whole = np.concatenate([read_audio(tmp_path / "w" / clip.audio_path)[0], tail])
            np.testing.assert_allclose(whole, source[start : start + len(whole)], atol=1e-4)


def test_no_tail_is_kept_of_videos_of_known_times_of_silence_or_by_the_setting(tmp_path: Path) -> None:
    long = write_wav(tmp_path / "long.wav", tone(10))
    quiet_end = write_wav(tmp_path / "quiet.wav", np.concatenate([tone(8), np.full(RATE, 5e-4), tone(0.1) * 1e-3]))
    video = mp4(tmp_path / "v.mp4", 10.0, tone(10))
    for made, values in (
        (recording(long), {"tail_s": 0.0}),
        (recording(long, event_times_s=(1.0,)), {}),
        (recording(quiet_end), {}),
        (recording(video, video), {}),
    ):
        (clip,) = clips_of(made, tmp_path / "w", **values)
        assert (clip.tail_path, clip.tail_sha256) == (None, None)
    assert not (tmp_path / "w" / "ingest" / "tail").exists()


def test_a_clip_and_its_tail_are_made_quieter_together(tmp_path: Path) -> None:
    sound = np.concatenate([tone(8, peak=0.5), tone(1, peak=2.0)])
    (clip,) = clips_of(recording(write_wav(tmp_path / "a.wav", sound, subtype="FLOAT")), tmp_path / "w")
    assert json.loads(clip.attributes_json)["ingest_gain_db"] == pytest.approx(-6.02, abs=0.01)
    peaks = [np.abs(read_audio(tmp_path / "w" / str(path))[0]).max() for path in (clip.audio_path, clip.tail_path)]
    assert peaks == pytest.approx([0.25, 1.0], abs=0.01)
