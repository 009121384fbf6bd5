"""The files of a generation: the audio or video with its sidecar beside it, and whose the ones are that lie there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import soundfile as sf

from data_contracts import UsageError
from data_contracts.files import atomic_path
from tasks.engine.workspace import read_json
from tasks.media.audio import write_flac
from tasks.media.mux import VIDEO_SUFFIXES, mux_audio
from tasks.media.samples import Audio

AUDIO_SUFFIXES: Final = (".wav", ".flac")
_SIDECAR_KEYS: Final = frozenset(("file", "sha256", "key", "checkpoint_sha256"))  # of every release's sidecars


def sidecar_path(out: Path) -> Path:
    """Returns the sidecar's path: the file's name with `.json` after it."""
    return out.with_name(out.name + ".json")


def require_replaceable(out: Path) -> None:
    """Raises UsageError when a JSON file that is no sidecar has the name of the output's: it would be lost."""
    path = sidecar_path(out)
    if not path.exists():
        return
    try:
        content = read_json(path)
    except (UsageError, OSError):
        content = None
    if not (isinstance(content, dict) and content.keys() >= _SIDECAR_KEYS):
        raise UsageError(
            f"--out {out}: {path.name} beside it was not written by generate and would be lost; move it, or give "
            "another name"
        )


def write_audio(out: Path, video: Path | None, audio: Audio, rate_hz: int) -> None:
    """Writes audio in the format that the suffix of `out` names; equal samples give equal bytes."""
    audio, suffix = np.clip(audio, -1.0, 1.0), out.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        assert video is not None
        mux_audio(video, audio, rate_hz, out)
    elif suffix == ".flac":
        write_flac(out, audio, rate_hz)
    else:
        with atomic_path(out) as temporary:
            sf.write(temporary, audio, rate_hz, subtype="PCM_16", format="WAV")
