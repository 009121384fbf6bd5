"""Broken audio files: a reason for every way a file can be broken, and never a crash."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from data_contracts import ItemError
from tasks.media.audio import (
    decode_audio,
    probe_audio,
    read_audio,
)
from tasks.media.video_writer import write_video
from tests.tasks.sounds import RATE, counting_frames, cut_short, tone, write_wav


def reason_of(path: Path) -> str:
    with pytest.raises(ItemError) as caught:
        read_audio(path)
    assert path.name in caught.value.message
    return caught.value.reason


def test_missing_empty_and_foreign_files_have_their_own_reason(tmp_path: Path) -> None:
    assert reason_of(tmp_path / "no.wav") == "missing_file"
    (tmp_path / "empty.wav").touch()
    assert reason_of(tmp_path / "empty.wav") == "empty_file"
    (tmp_path / "text.wav").write_text("this is not a sound file, it is a sentence " * 40)
    assert reason_of(tmp_path / "text.wav") == "not_audio"
    (tmp_path / "folder.wav").mkdir()
    assert reason_of(tmp_path / "folder.wav") == "not_a_file"
    write_video(tmp_path / "mute.mp4", counting_frames(10), 25)
    assert reason_of(tmp_path / "mute.mp4") == "not_audio"


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp4"])
@pytest.mark.parametrize("share", [0.3, 0.75])
def test_truncated_files_are_told(tmp_path: Path, suffix: str, share: float) -> None:
    whole = tmp_path / f"whole.{suffix}"
    sound = tone(2.0, 440) + 0.1 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    if suffix == "mp4":
        write_video(whole, counting_frames(50), 25, sound, RATE)
    else:
        sf.write(whole, sound, RATE)
    read_audio(whole)
    assert reason_of(cut_short(whole, tmp_path / f"cut.{suffix}", share)) == "truncated"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinite_samples_are_told(tmp_path: Path, value: float) -> None:
    samples = tone(0.5)
    samples[100] = value
    assert reason_of(write_wav(tmp_path / "n.wav", samples, subtype="FLOAT")) == "nan_samples"


@pytest.mark.parametrize("suffix", ["flac", "wav", "ogg", "mp3"])
def test_a_file_cut_anywhere_is_data_and_never_a_crash(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole.{suffix}"
    sf.write(whole, 0.3 * np.sin(np.arange(16_000) / 20), 16_000)
    content = whole.read_bytes()
    for length in (1, 4, 12, 30, 42, 60, 86, 200, 1000):
        path = tmp_path / f"cut-{length}.{suffix}"
        path.write_bytes(content[:length])
        try:
            sound = decode_audio(path)
        except ItemError:
            continue
        assert suffix == "mp3" and len(sound.samples_T) < 16_000  # frames that need no header: what is there is read


def test_a_probe_of_what_is_no_audio_says_so(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    write_video(tmp_path / "mute.mp4", counting_frames(10), 25)
    for path in (tmp_path / "text.wav", tmp_path / "mute.mp4"):
        with pytest.raises(ItemError, match=path.name) as caught:
            probe_audio(path, path.name)
        assert caught.value.reason == "not_audio"
    with pytest.raises(ItemError, match="record 3"):
        probe_audio(io.BytesIO(b"no audio"), "record 3")
