"""Table 5: CLAP_A of 3-8 s of Foley extension with the first 3 s, which are given (SPEC G5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from data_contracts import WeightsError
from model.devices import choose_device
from tasks.commands.paper_tables.comparing import Comparer, Systems, said
from tasks.commands.paper_tables.inputs import Files
from tasks.evaluate.columns import COLUMN_OF, plain_name
from tasks.evaluate.judge_cache import FileHashes, JudgeCache
from tasks.evaluate.judged import clip_values
from tasks.evaluate.judging import CachedJudge, absent, choose_judges
from tasks.evaluate.paper_tables.result import Measured
from tasks.evaluate.seeds import clip_cell_over_seeds
from tasks.evaluate.sounds import Decoder, Sound

_CLAP_A: Final = "CLAP_A"
_NOTHING: Final = "not computed: the judge hears nothing in these clips"


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
        asked = next(one for one in choice.asked if plain_name(one) == name)
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
        column, owners = COLUMN_OF[_CLAP_A], {place: groups.get(clip, clip) for place, clip in enumerate(clips)}
        heard = judge.hear([self._sound(reference[clip]) for clip in clips])
        values = []
        for run in runs:
            made = judge.hear([self._sound(run[clip]) for clip in clips])
            found = clip_values(column, judge.judge, made, heard)
            if not found:
                return Measured(why=_NOTHING)
            values.append(found)
        cell = clip_cell_over_seeds(column.metric, values, owners, self.comparer.config.seed)
        if cell is None:
            return Measured(why=_NOTHING)
        return Measured(
            value=cell.value,
            low=cell.bounds[0],
            high=cell.bounds[1],
            n=cell.n,
            n_reference=None,
            runs=cell.n_seeds,
            sd=cell.seed_sd,
            weights_sha256=judge.judge.spec.weights_sha256,
        )

    def _sound(self, path: Path) -> Sound:
        audio = self._decoder.decoded(path)
        return self._decoder.beginning(path, self._hashes.sha256(path), audio.duration_s)


def folder_of(conditions: tuple[str, ...]) -> str:
    """Returns the subfolder of a system's audio under some conditions, e.g. `Vt+Ar`."""
    return "+".join(conditions)
