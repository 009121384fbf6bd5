"""One comparison of systems with a reference, by the code of `foleygenex evaluate`: which files, which metrics.

The files of the table's clips are linked into folders of their own, so that only these clips are compared.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from data_contracts import FoleyGenExError, Score, UsageError
from tasks.commands.evaluate.job import evaluate_folders
from tasks.commands.evaluate.options import ALL_CLIPS, EvaluateOptions
from tasks.commands.evaluate.prepare import require_weights
from tasks.commands.evaluate.problems import InputProblemsError, allowed_kinds, listing, summary
from tasks.commands.evaluate.result import Evaluation
from tasks.commands.paper_tables.inputs import SETTING, Files
from tasks.commands.spreadsheet import write_cells
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import safe_name
from tasks.evaluate.baselines import TRUTH
from tasks.evaluate.columns import AUTO, COLUMN_OF, NONE, plain_name
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.judging import choose_judges
from tasks.evaluate.paper_tables.result import Measured

log = logging.getLogger(__name__)

Systems = dict[str, list[Files]]
"""System -> the files of each of its runs, by clip."""
Values = dict[tuple[str, str], Measured]
"""(system, metric) -> what was computed."""
_ALLOWED: Final = ("no-caption", "stereo", "short-video", "silent")
"""Problems that the paper's toolkit takes as they are, or that cost only the column that needs the file. Silent clips
are what a weak network generates; they are named in the log."""
_SAYS: Final = {
    "--allow": f"{SETTING}.allow:",
    "--video": f"{SETTING}.video",
    "--captions": f"{SETTING}.captions",
    r"--judges ([\w-]+)": r"evaluate.judges=[auto, \1]",
}
"""Pattern of an option of `foleygenex evaluate` -> the setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What is compared. `captions` and `groups` have every clip; `seconds`: only so much of each is scored."""

    name: str
    metrics: tuple[str, ...]
    truth: Files
    systems: Systems
    captions: Mapping[str, str]
    groups: Mapping[str, str]
    videos: Files = field(default_factory=dict)
    seconds: float | None = None

    def of(self, clips: Iterable[str], name: str) -> Compared:
        """Returns the comparison over some of the clips."""
        chosen = set(clips)
        return replace(
            self,
            name=name,
            truth=_only(self.truth, chosen),
            videos=_only(self.videos, chosen),
            captions={clip: text for clip, text in self.captions.items() if clip in chosen},
            systems={system: [_only(run, chosen) for run in runs] for system, runs in self.systems.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparer:
    """Compares with the settings of a config. `folder`: for the linked files; `cache`: of the judges' outputs."""

    config: EvaluateConfig
    folder: Path
    cache: Path
    on_progress: OnProgress = field(default=silent, repr=False)

    @property
    def judges(self) -> tuple[str, ...]:
        """What `choose_judges` is asked: the setting, or every judge whose weights are here where that is the default,
        which gives no column of a table."""
        return self.config.judges if self.config.judges != EvaluateConfig().judges else (AUTO,)

    def require_settings(self) -> None:
        """Raises UsageError for unknown judges and kinds of problems: before audio is generated, which takes hours."""
        self._allowed()
        try:
            require_weights(choose_judges(self.judges).asked)
        except UsageError as error:
            raise UsageError(f"evaluate.judges: {error}") from error

    def _allowed(self) -> frozenset[str]:
        try:
            return allowed_kinds((*_ALLOWED, *self.config.test_set.allow))
        except UsageError as error:
            raise UsageError(said(str(error))) from error

    def compare(self, asked: Compared) -> tuple[Values, Evaluation]:
        """Returns the metrics of each system, of several runs the mean, and the evaluation that they are from.

        Raises UsageError for a system that has none of the clips, FoleyGenExError for files with problems that are not
        allowed.
        """
        choice = choose_judges(self.judges)
        wanted = {COLUMN_OF[metric].judge for metric in asked.metrics if metric in COLUMN_OF}
        judges = [name for name in choice.asked if plain_name(name) in wanted]
        linked = self._linked(asked)
        evaluation = self._evaluated(asked, linked, judges)
        scores = evaluation.scores_of(ALL_CLIPS)
        values = {}
        for system, name in zip(asked.systems, evaluation.systems, strict=True):
            for metric in asked.metrics:
                reason = choice.why_not.get(COLUMN_OF[metric].judge) if metric in COLUMN_OF else None
                found = scores.get(metric, {}).get(name)
                values[system, metric] = Measured(why=said(reason)) if reason else _measured(found)
        return values, evaluation

    def _linked(self, asked: Compared) -> dict[str, dict[str, Path]]:
        """Links every run's files and returns `evaluate.systems.SYSTEM` -> run -> folder."""
        root = self.folder / safe_name(asked.name)
        shutil.rmtree(root, ignore_errors=True)
        found: dict[str, dict[str, Path]] = {}
        for system, runs in asked.systems.items():
            title = f"evaluate.systems.{system}"
            for number, files in enumerate(runs, 1):
                name = f"{title}, run {number}" if len(runs) > 1 else title
                chosen = _only(files, asked.captions)
                if not chosen:
                    raise UsageError(f"{name}: there is none of the {len(asked.captions):,} clips of {asked.name}")
                found.setdefault(title, {})[name] = _link(chosen, root / safe_name(name))
        return found

    def _evaluated(self, asked: Compared, linked: Mapping[str, dict[str, Path]], judges: Sequence[str]) -> Evaluation:
        root = self.folder / safe_name(asked.name)
        systems = {name: folder for runs in linked.values() for name, folder in runs.items()}
        captions = root / "captions.csv"
        rows = [
            {"name": clip, "caption": text, "group": asked.groups.get(clip, clip)}
            for clip, text in asked.captions.items()
        ]
        write_cells(captions, ("name", "caption", "group"), rows)
        options = EvaluateOptions(
            systems=systems,
            seeds={title: tuple(runs) for title, runs in linked.items() if len(runs) > 1},
            reference=_link(asked.truth, root / "reference") if asked.truth else next(iter(systems.values())),
            cache=self.cache,
            video=_link(asked.videos, root / "video") if asked.videos else None,
            captions=captions,
            judges=tuple(judges) or (NONE,),
            seconds=asked.seconds,
            allowed=self._allowed(),
            only=frozenset(asked.metrics),
            seed=self.config.seed,
            device=self.config.device,
            on_progress=self.on_progress,
        )
        try:
            evaluation = evaluate_folders(options)
            if silent := [problem for problem in evaluation.problems if problem.kind == "silent"]:
                log.warning("\n".join(listing(silent, "no file; the first are shown")))
            return evaluation
        except InputProblemsError as error:
            log.warning("\n".join(listing(error.problems, "no file; the first are shown")))
            kinds = ",".join(dict.fromkeys(problem.kind for problem in error.problems))
            raise FoleyGenExError(
                f"{asked.name}: {summary(error.problems)}. Nothing was scored; mend the files, or go on anyway: "
                f"--set {SETTING}.allow=[{kinds}]"
            ) from error


def truth_values(evaluation: Evaluation, metric: str) -> dict[str, float]:
    """Returns a metric of the true audio of each clip."""
    scores = evaluation.clip_scores
    return {one.parent_id: one.value for one in scores if one.system == TRUTH and one.metric == metric}


def said(reason: str) -> str:
    """Returns why a cell is empty, with the settings in place of the options of `foleygenex evaluate`."""
    for option, setting in _SAYS.items():
        reason = re.sub(option, setting, reason)
    return reason


def _measured(score: Score | None) -> Measured:
    if score is None or score.value is None:
        reason = score.why_empty if score is not None else None
        return Measured(why=said(reason or "not computed: undefined for these clips"))
    return Measured(
        value=score.value,
        low=score.ci_low,
        high=score.ci_high,
        n=score.n,
        n_reference=score.n_reference,
        runs=score.n_seeds,
        sd=score.seed_sd,
        weights_sha256=score.weights_sha256,
    )


def _only(files: Files, chosen: Iterable[str]) -> Files:
    return {clip: files[clip] for clip in chosen if clip in files}


def _link(files: Files, folder: Path) -> Path:
    """Links files by their clip's name and returns the folder."""
    folder.mkdir(parents=True)
    for clip, path in files.items():
        (folder / f"{clip}{path.suffix.lower()}").symlink_to(path.resolve())
    return folder
