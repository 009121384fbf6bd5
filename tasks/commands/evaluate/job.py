"""Scores folders of generated audio against a reference folder: the one function behind the command and Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from data_contracts import ClipScore, UsageError, WeightsError
from model.devices import choose_device
from tasks.commands.evaluate.clips import Clip, SystemSounds, all_systems
from tasks.commands.evaluate.compare import Comparer
from tasks.commands.evaluate.judge_run import NEEDS, JudgeRun, run_judge
from tasks.commands.evaluate.measured import Measured
from tasks.commands.evaluate.options import ALL_CLIPS, EvaluateOptions
from tasks.commands.evaluate.prepare import Prepared, prepare
from tasks.commands.evaluate.result import Evaluation, JudgeUse
from tasks.commands.evaluate.score_rows import ScoreTable
from tasks.commands.evaluate.signal import ClipValues, SignalScorer, quality
from tasks.engine.progress import OnProgress
from tasks.evaluate.baselines import TRUTH
from tasks.evaluate.columns import COLUMN_OF, columns_of, plain_name
from tasks.evaluate.judge_cache import JudgeCache
from tasks.evaluate.judging import CachedJudge, JudgeChoice, absent, choose_judges
from tasks.evaluate.metrics.catalogue import METRICS
from tasks.evaluate.rows import clip_row


@dataclass(frozen=True, slots=True)
class _Phases:
    """Progress of phases that go over the same clips, as one number."""

    on_progress: OnProgress
    count: int

    def phase(self, number: int) -> OnProgress:
        """Returns the callback of one phase."""

        def show(done: int, total: int, note: str) -> None:
            self.on_progress(number * total + done, self.count * total, note)

        return show


def evaluate_folders(options: EvaluateOptions) -> Evaluation:
    """Scores every system on the clips that all systems and the reference have.

    Equal files and options give equal results, whatever was interrupted before. Raises InputProblemsError when files
    are missing or faulty in a way that is not allowed, UsageError for folders and tables that cannot be used and for
    the file of a judge that was named with it and cannot be loaded.
    """
    return evaluate_prepared(prepare(options, options.on_progress), options)


def evaluate_prepared(prepared: Prepared, options: EvaluateOptions) -> Evaluation:
    """Scores what `prepare` returned."""
    choice = choose_judges(options.judges)
    show = _Phases(options.on_progress, 1 + len(choice.asked))
    clips, cache = prepared.clips, prepared.cache
    systems = all_systems(clips, options, prepared.decoder)
    has_signal = not options.only or not options.only.isdisjoint(METRICS)
    values = _signal_values(cache, clips, systems, show.phase(0)) if has_signal else {one.name: {} for one in systems}
    runs, why_not = _ask(choice, cache, clips, systems, options, show)
    for run in runs.values():
        for name, found in run.values.items():
            values[name] |= found
    folders_of = options.folders_of
    measured = Measured(clips=clips, systems=systems, folders_of=folders_of, values=values, runs=runs)
    comparer = Comparer(measured=measured, seed=options.seed, primary=options.primary)
    table = ScoreTable(measured=measured, why_not=why_not, seed=options.seed, only=options.only)
    return Evaluation(
        systems=tuple(folders_of),
        seeds={system: folders for system, folders in folders_of.items() if len(folders) > 1},
        clips=clips,
        left_out=prepared.left_out,
        problems=prepared.problems,
        judges=_uses(runs, why_not),
        scores=tuple(table.rows()),
        clip_scores=tuple(_clip_scores(measured)),
        comparisons=() if options.only else tuple(comparer.comparisons()),
        worst=() if options.only else tuple(comparer.worst()),
        seed=options.seed,
        primary=options.primary,
    )


def _signal_values(
    cache: JudgeCache, clips: Sequence[Clip], systems: Sequence[SystemSounds], on_progress: OnProgress
) -> dict[str, ClipValues]:
    scored = SignalScorer(cache).score(clips, systems, on_progress)
    values = {system.name: found for system, found in zip(systems, scored, strict=True)}
    for system in (one.name for one in systems if not one.is_baseline or one.name == TRUTH):
        values[system] |= quality(clips, system)
    return values


def _ask(
    choice: JudgeChoice,
    cache: JudgeCache,
    clips: Sequence[Clip],
    systems: Sequence[SystemSounds],
    options: EvaluateOptions,
    show: _Phases,
) -> tuple[dict[str, JudgeRun], dict[str, str]]:
    """Returns what each judge gave, one judge in memory at a time, and why the others gave nothing."""
    runs, reasons = {}, dict(choice.why_not)
    device = choose_device(options.device)
    for number, name in enumerate(choice.asked):
        plain = plain_name(name)
        if reason := _needs(plain, options):
            reasons[plain] = reason
            continue
        try:
            asked = CachedJudge.load(name, cache, device)
        except WeightsError as error:
            if ":" in name:
                raise UsageError(f"--judges {name}: {error}") from error
            reasons[plain] = absent(plain, error)
        else:
            runs[plain] = run_judge(asked, clips, systems, show.phase(1 + number), options.only)
    return runs, reasons


def _needs(judge: str, options: EvaluateOptions) -> str:
    """Returns why none of a judge's columns can be computed: captions or videos that are not given; else nothing."""
    given = {"--captions": options.captions, "--video": options.video}
    needed = [NEEDS.get(column.measure) for column in columns_of(judge)]
    if any(option is None or given[option] is not None for option in needed):
        return ""
    return f"not computed: needs {' or '.join(dict.fromkeys(option for option in needed if option))}"


def _uses(runs: Mapping[str, JudgeRun], why_not: Mapping[str, str]) -> tuple[JudgeUse, ...]:
    asked = [
        JudgeUse(
            name=name,
            weights_sha256=run.spec.weights_sha256,
            licence=run.spec.licence,
            embedded=run.spec.embedded,
            rate_hz=run.spec.rate_hz,
        )
        for name, run in runs.items()
    ]
    return (*asked, *(JudgeUse(name=name, why_not=reason) for name, reason in why_not.items()))


def _clip_scores(measured: Measured) -> Iterator[ClipScore]:
    for system in (one.name for one in measured.systems):
        for place, clip in enumerate(measured.clips):
            for metric in (*METRICS, *COLUMN_OF):
                if (value := measured.of(system, metric).get(place)) is not None:
                    yield clip_row(metric, value, clip=clip.name, task=clip.category or ALL_CLIPS, system=system)
