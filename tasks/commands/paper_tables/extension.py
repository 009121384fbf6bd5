"""Table 5: Foley extension, of which 3-8 s of each clip are scored and the first 3 s are given (SPEC G5).

Parts of files are written without loss: samples at the file's own rate, and for DeSync the frames that Synchformer
takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from data_contracts import ItemError, UsageError, WeightsError
from model.devices import choose_device
from model.encoders.synchformer import FPS
from tasks.commands.paper_tables.comparing import Comparer, Systems, said
from tasks.commands.paper_tables.inputs import Files
from tasks.engine.workspace import hash_text
from tasks.evaluate.cells import clip_cell
from tasks.evaluate.columns import COLUMN_OF
from tasks.evaluate.judge_cache import FileHashes, JudgeCache
from tasks.evaluate.judged import clip_values
from tasks.evaluate.judging import CachedJudge, absent, choose_judges
from tasks.evaluate.paper_tables.result import Measured
from tasks.evaluate.sounds import Decoder, Sound
from tasks.media.arrays import write_exact_audio, write_exact_video
from tasks.media.audio import decode_audio
from tasks.media.frames import read_frames

GIVEN_S: Final = 3.0
END_S: Final = 8.0
SCORED_S: Final = END_S - GIVEN_S
_SPARE_S: Final = 0.25  # what a file of the scored part alone may be longer
_SIZE: Final = 224
_BEFORE_S: Final = 0.001  # as `tasks.evaluate.judging` rounds frames
_CLAP_A: Final = "CLAP_A"


@dataclass(frozen=True)
class PartCutter:
    """Cuts parts of files into a folder; a part that is there is not cut again. Raises UsageError naming the file."""

    folder: Path
    hashes: FileHashes

    def audio(self, files: Files, from_s: float, to_s: float, *, or_whole: bool = False) -> Files:
        """Returns a part of each audio file; with `or_whole` a file that is no longer than the part is that part."""
        return {clip: self._audio(path, from_s, to_s, or_whole=or_whole) for clip, path in files.items()}

    def video(self, files: Files) -> Files:
        """Returns the scored part of each video: its frames as Synchformer takes them."""
        return {clip: self._video(path) for clip, path in files.items()}

    def _audio(self, path: Path, from_s: float, to_s: float, *, or_whole: bool) -> Path:
        target = self._target(path, f"{from_s:g}-{to_s:g}-{or_whole}", ".wav")
        if not target.exists():
            try:
                audio = decode_audio(path)
            except ItemError as error:
                raise UsageError(f"{path}: {error.message}") from error
            if or_whole and audio.duration_s <= to_s - from_s + _SPARE_S:
                return path
            start, end = (round(seconds * audio.rate_hz) for seconds in (from_s, to_s))
            if len(audio.samples_T) <= start:
                raise UsageError(f"{path} has {audio.duration_s:.2f} s; {from_s:g}-{to_s:g} s are scored")
            write_exact_audio(target, audio.samples_T[start:end], audio.rate_hz)
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


@dataclass(frozen=True)
class LikenessScorer:
    """CLAP_A of audio and reference audio of different length, which `foleygenex evaluate` does not compare."""

    comparer: Comparer
    _decoder: Decoder = field(default_factory=Decoder)

    @cached_property
    def _hashes(self) -> FileHashes:
        return FileHashes(self.comparer.cache)

    @cached_property
    def _judge(self) -> CachedJudge | str:
        """The judge, or why there is none."""
        name = COLUMN_OF[_CLAP_A].judge
        choice = choose_judges(self.comparer.judges)
        if name in choice.why_not:
            return said(choice.why_not[name])
        asked = next(one for one in choice.asked if one.partition(":")[0].replace("_", "-") == name)
        try:
            device = choose_device(self.comparer.config.device)
            return CachedJudge.load(asked, JudgeCache(self.comparer.cache), device)
        except WeightsError as error:
            return absent(name, error)

    def score(self, systems: Systems, reference: Files, groups: Mapping[str, str]) -> dict[str, Measured]:
        """Returns the mean cosine of each system, over the clips that all systems have."""
        runs = [run for of_system in systems.values() for run in of_system]
        clips = [clip for clip in reference if all(clip in run for run in runs)]
        judge = self._judge
        if isinstance(judge, str):
            return {system: Measured(why=judge) for system in systems}
        return {system: self._mean(judge, of_system, reference, clips, groups) for system, of_system in systems.items()}

    def _mean(
        self, judge: CachedJudge, runs: list[Files], reference: Files, clips: list[str], groups: Mapping[str, str]
    ) -> Measured:
        column, owners = COLUMN_OF[_CLAP_A], [groups.get(clip, clip) for clip in clips]
        heard = judge.hear([self._sound(reference[clip]) for clip in clips])
        cells = []
        for run in runs:
            made = judge.hear([self._sound(run[clip]) for clip in clips])
            found = clip_values(column, judge.judge, made, heard)
            if not found:
                return Measured(why="not computed: the judge hears nothing in these clips")
            chosen = [owners[place] for place in found]
            cells.append(clip_cell(column.metric, list(found.values()), chosen, self.comparer.config.seed))
        low, high = cells[0].bounds if len(cells) == 1 else (None, None)
        return Measured(
            value=sum(cell.value or 0.0 for cell in cells) / len(cells),
            low=low,
            high=high,
            n=cells[0].n,
            n_reference=None,
            runs=len(cells),
            weights_sha256=judge.judge.spec.weights_sha256,
        )

    def _sound(self, path: Path) -> Sound:
        audio = self._decoder.decoded(path)
        return self._decoder.beginning(path, self._hashes.sha256(path), audio.duration_s)


def folder_of(conditions: tuple[str, ...]) -> str:
    """Returns the subfolder of a system's audio under some conditions, e.g. `Vt+Ar`."""
    return "+".join(conditions)
