"""Containers are opened the same way everywhere: nothing but the file, no tag in the way, times from its start."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from tasks.media.audio_track import AudioTrack
from tasks.media.container import open_container, origin_s
from tests.tasks.sounds import RATE, tone, write_wav


def test_a_playlist_fetches_nothing(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(0.5))
    playlist = tmp_path / "list.m3u8"
    entry = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
    playlist.write_text(entry)
    with pytest.raises(av.FFmpegError), open_container(playlist) as container:
        next(container.decode(audio=0))


def test_a_file_is_opened_with_its_streams(tmp_path: Path) -> None:
    with open_container(write_wav(tmp_path / "a.wav", tone(0.5))) as container:
        assert [stream.type for stream in container.streams] == ["audio"]
        assert container.streams.audio[0].rate == RATE


def test_a_container_without_a_stated_start_begins_at_zero(tmp_path: Path) -> None:
    with open_container(write_wav(tmp_path / "a.wav", tone(0.5))) as container:
        assert origin_s(container) == 0.0


def test_options_reach_ffmpeg(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(0.5))
    with pytest.raises(av.FFmpegError), open_container(path, format_whitelist="mp3"):
        pass


def test_the_start_of_a_transport_stream_is_not_zero(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    with av.open(str(path), "w", format="mpegts", options={"output_ts_offset": "2"}) as target:
        AudioTrack(target, tone(0.5, rate_hz=48_000), 48_000, "aac").finish()
    with open_container(path) as container:
        assert origin_s(container) > 1.0
