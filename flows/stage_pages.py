"""What the UI shows of each finished stage besides its counts: what was made, by what, and how well.

Each section reads the stage's own tables. Text that comes from captions, files or models is escaped (`plain`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from data_contracts import (
    Augmented,
    Caption,
    Clip,
    FeatureRow,
    Generated,
    ManifestRow,
    Mined,
    Paraphrase,
    Row,
    Score,
    TrainMetric,
    iter_table,
)
from data_contracts.adverbs import LEVELS
from data_contracts.quantities import counted, duration_text, size_text
from flows.markdown import plain, table
from flows.pictures import in_markdown, loss_curve, spectrogram_pair
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace
from tasks.evaluate.baselines import TRUTH
from tasks.llm.cache import COMPLETIONS, CompletionCache
from tasks.media.audio import read_audio
from tasks.report.collect import Collected
from tasks.report.overview import build_pipeline
from tasks.report.svg import number
from tasks.report.training import build_training
from tasks.report.words import WRITERS, checkpoint_name, measured_words, metric_name, system_name

Section = Callable[[Workspace, PipelineConfig], list[str]]
RowT = TypeVar("RowT", bound=Row)
_PAIRS: Final = ("very_fast", "far", "crescendo", "very_slow", "decrescendo", "fast", "medium", "slow")
"""Levels in the order in which examples are looked for: what is seen best first."""
_DETAILS: Final = ("EventF1@50ms", "EventOffset_s", "OnsetSyncAP", "OnsetSyncAcc", "level_dbfs")
"""Metrics that the overview leaves to the table."""


def section(name: str, workspace: Workspace, config: PipelineConfig) -> list[str]:
    """Returns Markdown lines about a stage's output; none before it has written its table, or for other stages."""
    return SECTIONS[name](workspace, config) if name in SECTIONS else []


def _rows(workspace: Workspace, stage: str, row_type: type[RowT]) -> Iterator[RowT]:
    """Yields the rows of a stage's table, which may be large; none before there is one."""
    path = workspace.table(stage, row_type.TABLE)
    if path.exists():
        yield from iter_table(path, row_type)


def _ingest(workspace: Workspace, _config: PipelineConfig) -> list[str]:
    counts: Counter[tuple[str, str]] = Counter()
    lengths_s: dict[tuple[str, str], float] = defaultdict(float)
    for clip in _rows(workspace, "ingest", Clip):
        key = (clip.source, clip.split)
        counts[key] += 1
        lengths_s[key] += clip.duration_s
    cells = [
        [plain(key[0]), plain(key[1]), f"{counts[key]:,}", duration_text(lengths_s[key])] for key in sorted(counts)
    ]
    return table(("source", "split", "clips", "audio"), cells)


def _mine(workspace: Workspace, _config: PipelineConfig) -> list[str]:
    counts = Counter((row.dimension, row.side, row.method) for row in _rows(workspace, "mine", Mined))
    cells = [[dimension, side, f"{n:,}", plain(method)] for (dimension, side, method), n in sorted(counts.items())]
    return table(("dimension", "side", "captions", "found by"), cells)


def _augment(workspace: Workspace, _config: PipelineConfig) -> list[str]:
    counts: Counter[str] = Counter()
    first: dict[str, Augmented] = {}
    for row in _rows(workspace, "augment", Augmented):
        counts[row.level] += 1
        first.setdefault(row.level, row)
    cells = [[level.replace("_", " "), f"{counts[level]:,}"] for level in LEVELS if counts[level]]
    return [*table(("level", "new audio files"), cells), *example_pairs(first.values(), workspace)]


def example_pairs(rows: Iterable[Augmented], workspace: Workspace) -> list[str]:
    """Returns two changed sounds as pictures, before and after, of different operations where there are some."""
    by_level = {row.level: row for row in rows}
    lines: list[str] = []
    for row in chosen_examples([by_level[level] for level in _PAIRS if level in by_level]):
        lines += ["", *_pair(row, workspace)]
    return lines


def chosen_examples(found: Sequence[Augmented], count: int = 2) -> list[Augmented]:
    """Returns the first of each operation, then the others, `count` in all."""
    of_each = {row.operation: row for row in reversed(found)}
    chosen = [row for row in found if of_each[row.operation] is row]
    return [*chosen, *(row for row in found if row not in chosen)][:count]


def _pair(row: Augmented, workspace: Workspace) -> list[str]:
    source = next((clip for clip in _rows(workspace, "ingest", Clip) if clip.item_id == row.clip_id), None)
    if source is None:
        return []
    paths = (workspace.path(source.audio_path), workspace.path(row.audio_path))
    before_T, after_T = (read_audio(path, rate_hz=row.sample_rate_hz)[0] for path in paths)
    measured = "; ".join(f"{name} {value}" for name, value in measured_words(row.measured_json))
    picture = in_markdown(spectrogram_pair(before_T, after_T, row.sample_rate_hz), f"{row.level}: before and after")
    return [f"**{row.level.replace('_', ' ')}**: {plain(row.caption)}", "", picture, "", plain(measured)]


def _writers(rows: Iterable[Caption | Paraphrase], names: Mapping[str, str]) -> list[str]:
    counts = Counter(row.source for row in rows)
    whole = counts.total()
    cells = [
        [WRITERS.get(source, plain(source)), plain(names.get(source, "")), f"{n:,}", f"{100 * n / whole:.1f} %"]
        for source, n in counts.most_common()
    ]
    return table(("written by", "name", "captions", "share"), cells)


def _recaption(workspace: Workspace, config: PipelineConfig) -> list[str]:
    rows = list(_rows(workspace, "recaption", Caption))
    refused = sum(len(json.loads(row.rejected_json)) for row in rows)
    lines = _writers(rows, {row.source: row.writer for row in rows})
    said = [f"{counted(refused, 'answer')} of the model refused by the validator."] if refused else []
    return [*lines, "", *said, *_spent(workspace, config)]


def _paraphrase(workspace: Workspace, config: PipelineConfig) -> list[str]:
    return [*_writers(_rows(workspace, "paraphrase", Paraphrase), {}), "", *_spent(workspace, config)]


def _spent(workspace: Workspace, config: PipelineConfig) -> list[str]:
    """Returns what all captions of the workspace have cost so far."""
    path = workspace.path(*COMPLETIONS)
    if not path.exists():
        return []
    spent = CompletionCache(path).spent()
    cost = config.llm.cost(spent.priced_in, spent.priced_out)
    money = f"; they cost {cost:,.2f} in the currency of llm.price_in" if cost else ""
    return [f"Tokens in all: {spent.tokens_in:,} in, {spent.tokens_out:,} out{money}."]


def _manifest(workspace: Workspace, _config: PipelineConfig) -> list[str]:
    pipeline = build_pipeline(Collected(manifest=list(_rows(workspace, "manifest", ManifestRow))))
    cells = [[plain(hours.subset), *hours.cells, hours.total] for hours in pipeline.hours]
    return table(("audio of", *map(plain, pipeline.splits), "all"), cells)


def _precompute(workspace: Workspace, _config: PipelineConfig) -> list[str]:
    count = sum(1 for _ in _rows(workspace, "precompute", FeatureRow))
    size = sum(path.stat().st_size for path in workspace.path("precompute").iterdir() if path.is_file())
    return [f"Features of {counted(count, 'row')}: {size_text(size)}."] if count else []


def _train(workspace: Workspace, _config: PipelineConfig) -> list[str]:
    rows = list(_rows(workspace, "train", TrainMetric))
    if not rows:
        return []
    facts = build_training(Collected(metrics=rows)).facts
    return [in_markdown(loss_curve(rows), "loss by step"), "", *table([n for n, _ in facts], [[v for _, v in facts]])]


def _generate(workspace: Workspace, _config: PipelineConfig) -> list[str]:
    counts = Counter((row.task, row.checkpoint) for row in _rows(workspace, "generate", Generated))
    cells = [
        [plain(task), plain(checkpoint_name(checkpoint)), f"{n:,}"] for (task, checkpoint), n in sorted(counts.items())
    ]
    return table(("task", "weights", "clips"), cells)


def _evaluate(workspace: Workspace, _config: PipelineConfig) -> list[str]:
    return score_table(scores_of(workspace))


def scores_of(workspace: Workspace) -> list[Score]:
    """Returns the score table's rows; none before there is one."""
    return list(_rows(workspace, "evaluate", Score))


def score_table(scores: Sequence[Score]) -> list[str]:
    """Returns a row per task and metric: the model with its 95 % interval, the true audio, the best baseline."""
    cells = []
    for score in scores:
        if score.is_baseline:
            continue
        same = [one for one in scores if (one.task, one.metric) == (score.task, score.metric) and one.is_baseline]
        truth = next((_value(one) for one in same if one.system == TRUTH), "")
        others = [one for one in same if one.system != TRUTH]
        cells.append([
            plain(score.task), metric_name(score.metric), plain(checkpoint_name(score.checkpoint or "")),
            _value(score), f"{score.n:,}", truth, _best(others, score.higher_is_better),
        ])  # fmt: skip
    return table(("task", "metric", "weights", "model (95 %)", "n", "true audio", "best baseline"), cells)


def score_overview(scores: Sequence[Score]) -> list[str]:
    """Returns the model's main metrics by task, a column each, and how many values could not be computed."""
    own = [one for one in scores if not one.is_baseline]
    main = [one for one in own if one.value is not None and one.metric not in _DETAILS and ":" not in one.metric]
    tasks = list(dict.fromkeys(one.task for one in main))
    found = {(one.metric, one.checkpoint, one.task): one for one in main}
    keys = dict.fromkeys((one.metric, one.checkpoint) for one in main)
    several = len({checkpoint for _, checkpoint in keys}) > 1
    cells = []
    for metric, checkpoint in keys:
        name = metric_name(metric) + (f", {plain(checkpoint_name(checkpoint or ''))}" if several else "")
        values = [found.get((metric, checkpoint, task)) for task in tasks]
        cells.append([name, *("" if one is None else number(one.value or 0.0) for one in values)])
    empty = sum(one.value is None for one in own)
    left_out = [f"{counted(empty, 'value')} not computed; the page of `evaluate` says why."] if empty else []
    return [*table(("metric", *map(plain, tasks)), cells), *(["", *left_out] if left_out else [])]


def _value(score: Score) -> str:
    """Returns a value with its interval, or why there is none."""
    if score.value is None:
        return f"not computed: {plain(score.why_empty or '')}"
    spread = "" if score.seed_sd is None else f" ± {number(score.seed_sd)} over {score.n_seeds} seeds"
    if score.is_baseline or score.ci_low is None or score.ci_high is None:
        return f"{number(score.value)}{spread}"
    return f"{number(score.value)}{spread} ({number(score.ci_low)} to {number(score.ci_high)})"


def _best(baselines: Sequence[Score], higher_is_better: bool | None) -> str:
    values = [(one.value, one.system) for one in baselines if one.value is not None]
    if not values or higher_is_better is None:
        return ""
    value, system = max(values) if higher_is_better else min(values)
    return f"{number(value)} ({plain(system_name(system))})"


SECTIONS: Final[dict[str, Section]] = {
    "ingest": _ingest,
    "mine": _mine,
    "augment": _augment,
    "recaption": _recaption,
    "paraphrase": _paraphrase,
    "manifest": _manifest,
    "precompute": _precompute,
    "train": _train,
    "generate": _generate,
    "evaluate": _evaluate,
}
