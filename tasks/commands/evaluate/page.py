"""An evaluation as one self-contained HTML page: tables, comparisons, and players of each system's worst clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

from data_contracts import Score
from tasks.commands.evaluate.cautions import cautions_of, doubtful_verdicts
from tasks.commands.evaluate.clips import Clip
from tasks.commands.evaluate.options import ALL_CLIPS, REFERENCE
from tasks.commands.evaluate.problems import KINDS, Problem
from tasks.commands.evaluate.result import Evaluation, WorstClip
from tasks.commands.evaluate.terminal import (
    READ_WITH_CARE,
    caution_line,
    lines_of,
    number,
    systems_shown,
    untested,
    why_nothing_shown,
)
from tasks.engine.workspace import Workspace
from tasks.report.html import environment, page_assets
from tasks.report.media import MediaEmbedder
from tasks.report.player import Kind, Track, TrackInput, make_tracks

_TEMPLATES: Final = Path(__file__).parent / "templates"
PAGE_CHARS: Final = 12_000_000  # for all media together
_NAMES: Final = 50  # of one kind of problem that the page lists


@dataclass(frozen=True, slots=True, kw_only=True)
class CellView:
    """One value with its interval."""

    value: str
    interval: str
    spread: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricView:
    """One line of a table."""

    name: str
    higher_is_better: bool | None
    backend: str
    n: str
    cells: list[CellView | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """The table of all clips or of a category."""

    title: str
    systems: list[tuple[str, bool]]  # name, and whether it is a baseline
    metrics: list[MetricView]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstView:
    """A clip of a system beside its reference."""

    clip: str
    caption: str | None
    values: list[tuple[str, str]]
    tracks: list[Track]


class ComparisonLine(NamedTuple):
    """Two systems on one metric, as text."""

    metric: str
    difference: str
    p_value: str
    p_holm: str
    n: str
    verdict: str


def render(found: Evaluation) -> str:
    """Returns the page. All text is escaped; audio is embedded, small; nothing is fetched. Same result, same bytes."""
    media = MediaEmbedder(Workspace(Path("/")), PAGE_CHARS)
    worst = {system: _worst(found, system, media) for system in found.systems}
    return (
        environment(_TEMPLATES)
        .get_template("folders.html.j2")
        .render(
            **page_assets(_TEMPLATES / "folders.css"),
            release=version("foleygenex"),
            found=found,
            n_clips=len(found.clips),
            tables=[_table(found, task) for task in found.tasks()],
            comparisons=_comparisons(found),
            cautions=[caution_line(one) for one in cautions_of(found)],
            untested=untested(found),
            empty=[(", ".join(metrics), reason) for reason, metrics in found.why_empty().items()],
            judges=[judge for judge in found.judges if not judge.why_not],
            worst=worst,
            refused=media.refused,
            problems=_problems(found.problems),
        )
    )


def _table(found: Evaluation, task: str) -> TableView:
    names = systems_shown(found, task)
    baseline = {score.system: score.is_baseline for score in found.scores}
    metrics = []
    for metric, cells in found.scores_of(task).items():
        if any(score.value is not None for score in cells.values()):
            first = next(iter(cells.values()))
            metrics.append(
                MetricView(
                    name=metric,
                    higher_is_better=first.higher_is_better,
                    backend=first.backend + (f", weights {first.weights_sha256[:12]}" if first.weights_sha256 else ""),
                    n=lines_of(cells),
                    cells=[_cell(cells, name) for name in names],
                )
            )
    title = "All clips" if task == ALL_CLIPS else task
    return TableView(title=title, systems=[(name, baseline[name]) for name in names], metrics=metrics)


def _cell(cells: Mapping[str, Score], system: str) -> CellView | None:
    score = cells.get(system)
    if score is None or score.value is None:
        return None
    known = score.ci_low is not None
    interval = f"{number(score.ci_low)} to {number(score.ci_high)}" if known else ""
    spread = "" if score.seed_sd is None else f"± {number(score.seed_sd)} over {score.n_seeds} seeds"
    return CellView(value=number(score.value), interval=interval, spread=spread)


def _comparisons(found: Evaluation) -> list[tuple[str, str, str, list[ComparisonLine]]]:
    """Returns of every two systems their names, why none can be better, and a line per metric."""
    pairs: dict[tuple[str, str], list[ComparisonLine]] = {}
    doubtful = doubtful_verdicts(found)
    for one in found.comparisons:
        n = f"{one.n}" if one.n == one.n_groups else f"{one.n} in {one.n_groups} groups"
        corrected = "–" if one.p_holm is None else f"{one.p_holm:.2g}"
        verdict = one.better or ("not primary" if one.p_holm is None else "not shown")
        verdict += READ_WITH_CARE if (one.metric, one.first, one.second) in doubtful else ""
        line = ComparisonLine(one.metric, number(one.difference), f"{one.p_value:.2g}", corrected, n, verdict)
        pairs.setdefault((one.first, one.second), []).append(line)
    return [(first, second, why_nothing_shown(found, first, second), lines) for (first, second), lines in pairs.items()]


def _worst(found: Evaluation, system: str, media: MediaEmbedder) -> list[WorstView]:
    clips = {clip.name: clip for clip in found.clips}
    views = []
    for one in (worst for worst in found.worst if worst.system == system):
        clip = clips[one.clip]
        made = found.first_folder(system)
        inputs = [
            _track(made, "generated", clip.generated[made], clip),
            _track(REFERENCE, "truth", clip.reference, clip),
        ]
        views.append(
            WorstView(clip=clip.name, caption=clip.caption, values=_values(one), tracks=make_tracks(media, inputs))
        )
    return views


def _track(title: str, kind: Kind, path: Path, clip: Clip) -> TrackInput:
    audio_path = str(path.resolve().relative_to("/"))  # as a file of the workspace that `render` gives the embedder
    return TrackInput(title=title, kind=kind, audio_path=audio_path, events_s=clip.events_s or ())


def _values(one: WorstClip) -> list[tuple[str, str]]:
    return [(metric, number(value)) for metric, value in one.values.items()]


def _problems(problems: tuple[Problem, ...]) -> list[tuple[str, str, list[Problem], int]]:
    """Returns per kind: the kind, what happens, the first problems, and how many there are."""
    kinds: dict[str, list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(problem.kind, []).append(problem)
    return [(kind, KINDS[kind], ones[:_NAMES], len(ones)) for kind, ones in kinds.items()]
