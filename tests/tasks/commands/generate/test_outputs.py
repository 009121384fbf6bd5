"""The files of a generation: equal bytes each time, the sidecar's name, and nothing of another origin is lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from data_contracts import UsageError
from tasks.commands.generate.outputs import require_replaceable, sidecar_path, write_audio
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import generate_file
from tests.tasks.commands.generate.toys import RATE, options


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
@pytest.mark.parametrize("channels", [1, 2])
def test_written_audio_is_clipped_and_the_same_each_time(tmp_path: Path, suffix: str, channels: int) -> None:
    audio = np.linspace(-1.5, 1.5, 400, dtype=np.float32)
    audio = audio if channels == 1 else np.stack([audio, -audio], axis=1)
    for name in "ab":
        write_audio(tmp_path / f"{name}{suffix}", None, audio, RATE)
    found, rate_hz = sf.read(tmp_path / f"a{suffix}")
    assert rate_hz == RATE and found.shape == audio.shape
    assert np.abs(found - np.clip(audio, -1, 1)).max() <= 1.01 / 32768
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_the_sidecar_lies_beside_the_file(tmp_path: Path) -> None:
    paths = [sidecar_path(tmp_path / name) for name in ("a.wav", "a.mp4", "a")]
    assert len(set(paths)) == 3 and {path.parent for path in paths} == {tmp_path}


@pytest.mark.parametrize("content", [b'{"loudness": -20}', b"[1, 2]", b"notes", b"\xff\xfe", b'{"file": "a.wav"}', b""])
def test_a_json_file_of_another_origin_is_not_replaced(
    files: Path, session: InferenceSession, tmp_path: Path, content: bytes
) -> None:
    foreign = tmp_path / "a.wav.json"
    foreign.write_bytes(content)
    with pytest.raises(UsageError, match=r"a\.wav\.json beside it was not written by generate and would be lost; move"):
        generate_file(options(files, "tta", tmp_path / "a.wav"), session)
    assert foreign.read_bytes() == content and [path.name for path in tmp_path.iterdir()] == ["a.wav.json"]


def test_a_folder_with_the_sidecars_name_is_not_replaced(tmp_path: Path) -> None:
    sidecar_path(tmp_path / "a.wav").mkdir()
    with pytest.raises(UsageError, match="would be lost"):
        require_replaceable(tmp_path / "a.wav")


def test_an_earlier_sidecar_is_replaced(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    out = generate_file(options(files, "tta", tmp_path / "a.wav"), session)
    first = json.loads(sidecar_path(out).read_text())
    sidecar_path(out).write_text(json.dumps(first | {"version": 1, "unknown": 0}))
    generate_file(options(files, "tta", out, seed=5), session)
    assert json.loads(sidecar_path(out).read_text())["options"]["seed"] == 5
