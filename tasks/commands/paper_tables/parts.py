"""Parts of files: of table 5 the given and the scored seconds, of tables 4 and 7 the end of what was generated.

They are written without loss: samples at the file's own rate, and for DeSync the frames that Synchformer takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import ItemError, UsageError
from model.encoders.synchformer import FPS
from tasks.commands.paper_tables.inputs import Files
from tasks.engine.workspace import hash_text
from tasks.evaluate.judge_cache import FileHashes
from tasks.media.arrays import write_exact_audio, write_exact_video
from tasks.media.audio import DecodedAudio, decode_audio
from tasks.media.frames import read_frames

GIVEN_S: Final = 3.0
END_S: Final = 8.0
SCORED_S: Final = END_S - GIVEN_S
_SPARE_S: Final = 0.25  # what a file of the scored part alone may be longer
_SIZE: Final = 224
_BEFORE_S: Final = 0.001  # as `tasks.evaluate.judging` rounds frames


@dataclass(frozen=True)
class PartCutter:
    """Cuts parts of files into a folder; a part that is there is not cut again. Raises UsageError naming the file."""

    folder: Path
    hashes: FileHashes

    def audio(self, files: Files, from_s: float, to_s: float, *, or_whole: bool = False) -> Files:
        """Returns a part of each audio file; with `or_whole` a file that is no longer than the part is that part."""
        return {clip: self._audio(path, from_s, to_s, or_whole=or_whole) for clip, path in files.items()}

    def ending(self, files: Files, like: Files) -> Files:
        """Returns of each audio file the last part that is as long as the clip's file in `like`; a file that is no
        longer is taken as it is."""
        return {clip: self._ending(path, like[clip]) for clip, path in files.items() if clip in like}

    def video(self, files: Files) -> Files:
        """Returns the scored part of each video: its frames as Synchformer takes them."""
        return {clip: self._video(path) for clip, path in files.items()}

    def _audio(self, path: Path, from_s: float, to_s: float, *, or_whole: bool) -> Path:
        target = self._target(path, f"{from_s:g}-{to_s:g}-{or_whole}", ".wav")
        if not target.exists():
            audio = _decoded(path)
            if or_whole and audio.duration_s <= to_s - from_s + _SPARE_S:
                return path
            start, end = (round(seconds * audio.rate_hz) for seconds in (from_s, to_s))
            if len(audio.samples_T) <= start:
                raise UsageError(f"{path} has {audio.duration_s:.2f} s; {from_s:g}-{to_s:g} s are scored")
            write_exact_audio(target, audio.samples_T[start:end], audio.rate_hz)
        return target

    def _ending(self, path: Path, like: Path) -> Path:
        audio, length_s = _decoded(path), _decoded(like).duration_s
        if audio.duration_s <= length_s + _SPARE_S:
            return path
        target = self._target(path, f"last {length_s:g}", ".wav")
        if not target.exists():
            write_exact_audio(target, audio.samples_T[-round(length_s * audio.rate_hz) :], audio.rate_hz)
        return target

    def _video(self, path: Path) -> Path:
        target = self._target(path, "frames", ".mkv")
        if not target.exists():
            start_s = GIVEN_S + 0.5 / FPS - _BEFORE_S
            try:
                frames = read_frames(path, fps=FPS, size=_SIZE, start_s=start_s, duration_s=SCORED_S)
            except ItemError as error:
                raise UsageError(f"{path}: {error.message}") from error
            write_exact_video(target, frames, FPS)
        return target

    def _target(self, path: Path, part: str, suffix: str) -> Path:
        return self.folder / f"{hash_text(self.hashes.sha256(path), part)[:32]}{suffix}"


def _decoded(path: Path) -> DecodedAudio:
    try:
        return decode_audio(path)
    except ItemError as error:
        raise UsageError(f"{path}: {error.message}") from error
