"""Containers are opened the same way everywhere: nothing but the file, no tag in the way, times from its start."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from data_contracts import ItemError
from tasks.media import container as container_module
from tasks.media.audio_track import AudioTrack
from tasks.media.container import open_container, origin_s
from tests.tasks.sounds import RATE, tone, write_wav

PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {address}\n",
    "dash": "<?xml version='1.0'?>\n<MPD profiles='urn:mpeg:dash:profile:isoff-on-demand:2011'>"
    "<BaseURL>{address}</BaseURL></MPD>",
    "pls": "[playlist]\nFile1={address}\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
}


@pytest.mark.parametrize("name", ["list.m3u8", "video.mp4", "sound.wav"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_is_refused_by_its_content_whatever_its_name(tmp_path: Path, kind: str, name: str) -> None:
    write_wav(tmp_path / "a.wav", tone(0.5))
    path = tmp_path / name
    for address in ("a.wav", str(tmp_path / "a.wav"), "http://127.0.0.1:9/a.ts"):
        path.write_text("\ufeff" * (kind == "concat") + PLAYLISTS[kind].format(address=address), "utf-8")
        with pytest.raises(ItemError, match=f"{name} is a playlist, which names other files") as caught:
            open_container(path)
        assert caught.value.reason == "points_to_files"


@pytest.mark.parametrize("kind", ["hls", "concat", "dash"])
def test_ffmpeg_itself_opens_no_format_that_points_to_files(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_module, "_require_own_content", lambda _: None)
    write_wav(tmp_path / "a.wav", tone(0.5))
    (tmp_path / "list.txt").write_text(PLAYLISTS[kind].format(address="a.wav"))
    with pytest.raises(av.FFmpegError):
        open_container(tmp_path / "list.txt")


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
