"""Sounds that are judged: parts of files of a stated length; decoded files stay in memory within a limit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_contracts import ItemError
from tasks.evaluate import sounds
from tasks.evaluate.sounds import Decoder, made_sound
from tests.tasks.sounds import RATE, tone, write_wav


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files in the order in which they are decoded."""
    found: list[str] = []
    decode = sounds.decode_audio

    def counted(path: Path) -> object:
        found.append(path.name)
        return decode(path)

    monkeypatch.setattr(sounds, "decode_audio", counted)
    return found


def test_a_part_is_cut_or_continued_with_silence_to_its_length(tmp_path: Path) -> None:
    whole_T = tone(1.0)
    path = write_wav(tmp_path / "a.wav", whole_T)
    part = Decoder().part(path, "hash", 0.5, 2.0)
    samples_T, rate_hz = part.samples()
    assert rate_hz == RATE and len(samples_T) == 1.5 * RATE == part.duration_s * RATE
    np.testing.assert_allclose(samples_T[: RATE // 2], whole_T[RATE // 2 :], atol=1e-4)
    assert not samples_T[RATE // 2 :].any() and len(part.whole()[0]) == RATE
    assert part == Decoder().part(tmp_path / "copy.wav", "hash", 0.5, 2.0) != Decoder().beginning(path, "hash", 2.0)


def test_the_last_files_are_decoded_once_within_the_limit(
    tmp_path: Path, decodings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c, long = (write_wav(tmp_path / f"{n}.wav", tone(1.0)) for n in ("a", "b", "c", "long"))
    write_wav(long, tone(5.0))
    monkeypatch.setattr(sounds, "_KEPT", 2 * RATE)
    decoder = Decoder()
    for path in (a, b, a, b, c, b):  # a is forgotten for c, b was asked for later
        decoder.decoded(path)
    assert decodings == ["a.wav", "b.wav", "c.wav"]
    for path in (a, long, long, c):  # a long one is kept alone
        decoder.decoded(path)
    assert decodings[3:] == ["a.wav", "long.wav", "c.wav"]


def test_a_file_that_cannot_be_decoded_is_an_error_each_time(tmp_path: Path) -> None:
    decoder = Decoder()
    for _ in range(2):
        with pytest.raises(ItemError, match=r"none\.wav"):
            decoder.decoded(tmp_path / "none.wav")


def test_made_audio_is_known_by_its_recipe() -> None:
    def make(seed: int, duration_s: float = 1.0) -> sounds.Sound:
        return made_sound("noise", seed, RATE, duration_s, lambda: np.ones(RATE, np.float32))

    assert make(1) == make(1) and len({make(1).content, make(2).content, make(1, 2.0).content}) == 3
    assert make(1, 2.0).samples()[0].sum() == RATE and not make(1).is_file
