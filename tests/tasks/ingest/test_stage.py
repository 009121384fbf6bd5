"""The ingest stage end to end: clips on disk that match their rows, and a reason for each broken recording."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from data_contracts.files import hash_file
from tasks.corpus.config import CorpusConfig
from tasks.ingest.config import IngestConfig
from tasks.ingest.stage import IngestStage
from tasks.media.audio import decode_audio, read_audio
from tasks.media.frames import read_frames
from tasks.media.video import probe_video
from tasks.media.video_writer import write_video
from tests.tasks.ingest.corpora import reasons_in, run_ingest, table_stage, write_table
from tests.tasks.sounds import RATE, counting_frames, cut_short, strikes, tone, write_wav


def test_recordings_are_cut_hashed_and_kept_at_their_rate(tmp_path: Path) -> None:
    long = np.concatenate([tone(8, hz, 22_050) for hz in (300, 600, 900)])
    write_wav(tmp_path / "in/long.wav", long, 22_050)
    sf.write(tmp_path / "in/short.wav", np.stack([tone(3), tone(3)], 1), RATE)
    path = write_table(
        tmp_path / "in",
        [
            {"id": "long", "audio": "long.wav", "caption": "Three tones", "licence": "CC0-1.0"},
            {"id": "short", "audio": "short.wav", "caption": " A  tone\n", "split": "test"},
        ],
    )
    summary, clips = run_ingest(table_stage(path), tmp_path / "w")
    assert (summary.done, summary.rows, summary.quarantined) == (2, 4, 0)
    assert [clips[f"long~p{n}"].source_start_s for n in (1, 2, 3)] == [0, 8, 16]  # SPEC D3
    assert {clips[f"long~p{n}"].split for n in (1, 2, 3)} == {clips["long~p1"].split}
    short = clips["short"]
    assert (short.caption, short.split, short.duration_s, short.source_channels) == ("A tone", "test", 3.0, 2)
    for clip in clips.values():
        audio = tmp_path / "w" / clip.audio_path
        assert hash_file(audio) == clip.audio_sha256 and sf.info(audio).subtype == "PCM_16"
        assert decode_audio(audio).rate_hz == clip.sample_rate_hz
        assert decode_audio(audio).duration_s == pytest.approx(clip.duration_s, abs=1e-4)
    assert clips["long~p1"].sample_rate_hz == 22_050  # never up-sampled
    assert clips["long~p1"].source_sha256 == hash_file(tmp_path / "in/long.wav")


def test_d1_video_and_audio_are_cut_together_to_the_final_portion(tmp_path: Path) -> None:
    events = [1.0, 4.0, 5.5]
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in/v.mp4", counting_frames(30), 5, strikes(6.0, events), RATE)
    path = write_table(tmp_path / "in", [{"id": "v", "audio": "", "video": "v.mp4", "caption": "Strikes"}])
    _, clips = run_ingest(table_stage(path, clip_s=4.0, split_from_s=8.0), tmp_path / "w")
    clip = clips["v"]
    assert (clip.subset, clip.source_start_s, clip.source_path) == ("vta", pytest.approx(2.0, abs=0.05), "v.mp4")
    frames = read_frames(tmp_path / "w" / str(clip.video_path), fps=5, size=16)
    assert [round(float(f.mean()) / 8) for f in frames] == list(range(10, 30))
    samples, rate = read_audio(tmp_path / "w" / clip.audio_path)
    for event_s in (2.0, 3.5):
        start = round((event_s - 0.05) * rate)
        onset_s = (start + np.argmax(np.abs(samples[start:]) > 0.15)) / rate
        assert onset_s == pytest.approx(event_s, abs=0.02)


def test_a_video_that_needs_no_cut_is_copied(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in/v.mp4", counting_frames(20), 10)
    write_wav(tmp_path / "in/v.wav", tone(2.0))
    path = write_table(tmp_path / "in", [{"id": "v", "audio": "v.wav", "video": "v.mp4", "caption": "A tone"}])
    _, clips = run_ingest(table_stage(path), tmp_path / "w")
    assert clips["v"].video_sha256 == hash_file(tmp_path / "in/v.mp4") and clips["v"].duration_s == 2.0


def test_each_broken_recording_has_its_own_reason_and_the_rest_completes(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    good = write_wav(folder / "good.wav", tone(2))
    nan = tone(1)
    nan[5] = np.nan
    write_wav(folder / "nan.wav", nan, subtype="FLOAT")
    write_wav(folder / "silent.wav", np.zeros(RATE, np.float32))
    write_wav(folder / "offset.wav", np.full(RATE, 0.3, np.float32))
    write_wav(folder / "one_ms.wav", tone(0.001))
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("not a sound " * 100)
    cut_short(good, folder / "cut.wav")
    write_video(folder / "whole.mp4", counting_frames(50), 25, tone(2), RATE)
    cut_short(folder / "whole.mp4", folder / "video.mp4", 0.3)
    write_video(folder / "mute.mp4", counting_frames(50), 25)
    expected = {
        "nan": "nan_samples",
        "silent": "silent",
        "offset": "silent",
        "one_ms": "too_short",
        "empty": "empty_file",
        "text": "not_audio",
        "cut": "truncated",
        "gone": "missing_file",
    }
    rows = [{"id": k, "audio": f"{k}.wav", "caption": "A tone"} for k in ("good", *expected)]
    rows += [
        {"id": "video", "video": "video.mp4", "caption": "A tone"},
        {"id": "mute", "video": "mute.mp4", "caption": "A tone"},
        {"id": "nothing", "caption": "A tone"},
        {"id": "nocap", "audio": "good.wav", "caption": "..."},
        {"id": "nosplit", "audio": "good.wav", "caption": "A tone", "split": "later", "group": "z"},
        {"id": "longname", "audio": "x" * 400, "caption": "A tone"},
    ]
    summary, clips = run_ingest(table_stage(write_table(folder, rows)), tmp_path / "w")
    reasons = reasons_in(tmp_path / "w")
    assert set(clips) == {"good"} and summary.quarantined == len(rows) - 1
    assert reasons.pop("video") in ("unreadable_video", "truncated")
    assert reasons == expected | {
        "mute": "not_audio",
        "nothing": "missing_file",
        "nocap": "invalid_caption",
        "nosplit": "invalid_split",
        "longname": "missing_file",
    }


def test_a_repaired_file_is_done_again_and_nothing_else(tmp_path: Path) -> None:
    write_wav(tmp_path / "in/a.wav", tone(1))
    rows = [{"id": k, "audio": f"{k}.wav", "caption": "A tone"} for k in ("a", "b")]
    path = write_table(tmp_path / "in", rows)
    assert run_ingest(table_stage(path), tmp_path / "w")[0].quarantined == 1
    write_wav(tmp_path / "in/b.wav", tone(1, 500))
    summary, clips = run_ingest(table_stage(path), tmp_path / "w")
    assert (summary.new, summary.quarantined, set(clips)) == (1, 0, {"a", "b"})


def test_builtin_scenes_become_clips_with_true_events(tmp_path: Path) -> None:
    config = IngestConfig(corpus=CorpusConfig(video_clips=2, audio_clips=2))
    _, clips = run_ingest(IngestStage(config, "1"), tmp_path / "w")
    assert len(clips) == 4 and {c.subset for c in clips.values()} == {"vta", "tta"}
    for clip in clips.values():
        assert clip.duration_s == 8.0 and clip.source == "builtin"
        if clip.subset == "vta":
            assert clip.event_times_s and probe_video(tmp_path / "w" / str(clip.video_path)).fps == 25
    assert not list((tmp_path / "w/ingest").glob(".tmp*"))


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    config = IngestConfig(corpus=CorpusConfig(video_clips=2, audio_clips=1))
    _, here = run_ingest(IngestStage(config, "1"), tmp_path / "a")
    with ProcessPoolExecutor(1) as pool:
        _, there = pool.submit(run_ingest, IngestStage(config, "1"), tmp_path / "b").result()
    assert here == there
    assert (tmp_path / "a/ingest/clips.parquet").read_bytes() == (tmp_path / "b/ingest/clips.parquet").read_bytes()
