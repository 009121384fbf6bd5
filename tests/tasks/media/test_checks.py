"""Files by their bytes: there or not, like media or not, cut short or whole."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from data_contracts import ItemError
from tasks.media.checks import is_cut_short, looks_like_media, looks_like_mp3, require_file
from tests.tasks.sounds import RATE, cut_short, tone, write_wav


def wav(data_length: int, content: bytes, *, chunks: bytes = b"") -> bytes:
    """Returns a WAV whose data chunk states a length."""
    body = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16) + chunks
    return b"RIFF" + struct.pack("<I", 36 + len(content)) + body + b"data" + struct.pack("<I", data_length) + content


@pytest.mark.parametrize("suffix", ["wav", "ogg"])
def test_a_whole_file_is_whole_and_any_shorter_one_is_cut(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"w.{suffix}"
    sf.write(whole, tone(1.0), RATE)
    assert not is_cut_short(whole)
    for share in (0.1, 0.5, 0.9, 0.999):
        assert is_cut_short(cut_short(whole, tmp_path / f"c.{suffix}", share))


@pytest.mark.parametrize("stated", [0, 0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF])
def test_a_placeholder_for_a_length_is_no_length(tmp_path: Path, stated: int) -> None:
    path = tmp_path / "pipe.wav"
    path.write_bytes(wav(stated, bytes(100)))
    assert not is_cut_short(path)


def test_chunks_before_the_data_are_passed_over_with_their_padding(tmp_path: Path) -> None:
    path = tmp_path / "list.wav"
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    path.write_bytes(wav(100, bytes(100), chunks=odd))
    assert not is_cut_short(path)
    path.write_bytes(wav(100, bytes(99), chunks=odd))
    assert is_cut_short(path)
    path.write_bytes(wav(0, b"", chunks=odd)[:40])
    assert is_cut_short(path)


@pytest.mark.parametrize(
    "content",
    [b"RIFF\x10\0\0\0AVI LIST\xff\0\0\0movi", b"fLaC", b"", b"text", b"OggX"],
    ids=["avi", "flac", "empty", "text", "ogg-like"],
)
def test_a_check_made_for_one_format_is_applied_to_that_format_only(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert not is_cut_short(path)


def test_bytes_after_the_last_ogg_page_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "w.ogg"
    sf.write(path, tone(0.5), RATE)
    path.write_bytes(path.read_bytes() + b"TAG and more")
    assert not is_cut_short(path)


def test_media_are_known_by_their_first_bytes_not_by_their_name(tmp_path: Path) -> None:
    for suffix in ("wav", "flac", "ogg", "mp3"):
        path = tmp_path / f"a.{suffix}"
        sf.write(path, tone(0.2), RATE)
        assert looks_like_media(path.rename(tmp_path / f"{suffix}.txt"))
    (tmp_path / "a.wav").write_text("some text")
    (tmp_path / "b.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    assert not looks_like_media(tmp_path / "a.wav") and looks_like_media(tmp_path / "b.mp4")


def test_a_missing_an_empty_and_a_usable_file(tmp_path: Path) -> None:
    require_file(write_wav(tmp_path / "a.wav", tone(0.1)))
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    cases = {
        tmp_path / "no": ("missing_file", "does not exist"),
        tmp_path: ("not_a_file", "not a regular file"),
        tmp_path / "pipe": ("not_a_file", "named pipe"),
        tmp_path / ("x" * 400): ("missing_file", "too long"),
        tmp_path / "empty": ("empty_file", "0 bytes"),
    }
    for path, (reason, words) in cases.items():
        with pytest.raises(ItemError, match=words) as caught:
            require_file(path)
        assert caught.value.reason == reason


def test_mp3_is_known_by_its_tag_or_its_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    sf.write(path, tone(0.2), RATE)
    assert looks_like_mp3(path)
    path.write_bytes(b"ID3" + bytes(20))
    assert looks_like_mp3(path)
    for other in (b"", b"\xff", b"\xff\xf1\x50", b"RIFF", b"fLaC", b"text"):
        path.write_bytes(other)
        assert not looks_like_mp3(path)


@pytest.mark.parametrize("kind", ["mpegts", "flv", "adts", "caf", "matroska", "asf", "aiff", "avi"])
def test_every_container_that_can_be_written_here_looks_like_media(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    with av.open(str(path), "w", format=kind) as target:
        codec = "pcm_s16be" if kind in ("caf", "aiff") else "aac"
        stream = target.add_stream(codec, rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            target.mux(packet)
    assert looks_like_media(path)
