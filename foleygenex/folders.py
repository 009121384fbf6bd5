"""Folders of generated audio scored against the true audio of the same clips, without a run. Source: SPEC E1-E3."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_contracts import UsageError
from tasks.commands.evaluate.job import evaluate_folders
from tasks.commands.evaluate.options import ALL_CLIPS, EvaluateOptions, unique_systems
from tasks.commands.evaluate.outputs import write_evaluation
from tasks.commands.evaluate.primary import primary_metrics
from tasks.commands.evaluate.problems import allowed_kinds
from tasks.commands.evaluate.result import Evaluation
from tasks.evaluate.baselines import SHUFFLED

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class FolderScores:
    """Systems and baselines scored on the same clips. `evaluation` has every score with its interval, n and judge."""

    evaluation: Evaluation

    @property
    def systems(self) -> tuple[str, ...]:
        """The generated systems' names."""
        return self.evaluation.systems

    @property
    def clips(self) -> dict[str, dict[str, float]]:
        """Clip -> metric -> value of the first system. A metric that is undefined for a clip is absent."""
        return self.clips_of(self.systems[0])

    def clips_of(self, system: str) -> dict[str, dict[str, float]]:
        """Returns clip -> metric -> value of a system or a baseline, of several seeds the mean where all have one.

        Raises UsageError for a name that was not scored.
        """
        self._require(system)
        seeds = self.evaluation.seeds.get(system, (system,))
        values: dict[tuple[str, str], list[float]] = {}
        for row in self.evaluation.clip_scores:
            if row.system in seeds:
                values.setdefault((row.parent_id, row.metric), []).append(row.value)
        found: dict[str, dict[str, float]] = {}
        for (clip, metric), of_seeds in values.items():
            if len(of_seeds) == len(seeds):
                found.setdefault(clip, {})[metric] = sum(of_seeds) / len(seeds)
        return found

    def summary(self, system: str | None = None) -> dict[str, float]:
        """Returns metric -> value over all clips, of the first system or of the one that is named, also a baseline.

        Raises UsageError for a name that was not scored.
        """
        name = self.systems[0] if system is None else system
        self._require(name)
        rows = (row for row in self.evaluation.scores if row.task == ALL_CLIPS and row.system == name)
        return {row.metric: row.value for row in rows if row.value is not None}

    def shuffled_summary(self) -> dict[str, float]:
        """Returns the same for another clip's true audio: what is reached without looking at the right video."""
        return self.summary(SHUFFLED)

    def why_empty(self) -> dict[str, str]:
        """Returns metric -> why it was not computed."""
        rows = (row for row in self.evaluation.scores if row.task == ALL_CLIPS)
        return {row.metric: row.why_empty for row in rows if row.why_empty is not None}

    def _require(self, system: str) -> None:
        known = dict.fromkeys(row.system for row in self.evaluation.scores)
        if system not in known:
            raise UsageError(f"{system!r} was not scored; there are {', '.join(known)}")

    def write(self, out: PathLike) -> list[Path]:
        """Writes scores.json, clips.parquet, table.tex, problems.csv and index.html, as the command does."""
        return write_evaluation(self.evaluation, Path(out))


def score_folders(
    generated: PathLike | Mapping[str, PathLike | Sequence[PathLike]],
    truth: PathLike,
    *,
    events_s: Mapping[str, Sequence[float]] | None = None,
    captions: PathLike | None = None,
    video: PathLike | None = None,
    judges: Sequence[str] = (),
    primary: Sequence[str] = (),
    by: str | None = None,
    seconds: float | None = None,
    allow: Sequence[str] = (),
    seed: int = 7,
    device: str = "auto",
    cache: PathLike | None = None,
) -> FolderScores:
    """Compares each file of `truth` with the generated file that has its name, whatever both endings are.

    `generated`: a folder, or several by name, which are then also compared with each other; a list of folders of one
    name are generation seeds, whose mean and spread are its scores. `events_s`: the true event
    times of a clip in seconds, by name. The other arguments are those of `foleygenex evaluate` (docs/evaluation.md).
    `cache` keeps what the judges said, so that a second call is quick; without it nothing is kept.

    Raises FoleyGenExError with every bad file by name unless its kind is allowed, UsageError for folders and tables
    that cannot be used.
    """
    folders = generated if isinstance(generated, Mapping) else {"": generated}
    named = unique_systems([(name, Path(one)) for name, given in folders.items() for one in _each(given)])
    with tempfile.TemporaryDirectory(prefix="foleygenex-") as scratch:
        options = EvaluateOptions(
            systems=named.folders,
            seeds=named.seeds,
            reference=Path(truth),
            cache=Path(scratch if cache is None else cache),
            video=None if video is None else Path(video),
            captions=None if captions is None else Path(captions),
            events=events_s,
            judges=tuple(judges),
            by=by,
            seconds=seconds,
            allowed=allowed_kinds(allow),
            seed=seed,
            device=device,
            primary=primary_metrics(primary),
        )
        return FolderScores(evaluate_folders(options))


def _each(given: PathLike | Sequence[PathLike]) -> Sequence[PathLike]:
    """Returns the folders of a system. Raises UsageError where there is none."""
    if isinstance(given, str | os.PathLike):
        return (given,)
    if not given:
        raise UsageError("a system has no folder; give one, or one for each generation seed")
    return given
