"""Scores folders of generated audio against a reference folder: the one function behind the command and Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data_contracts import ClipScore, WeightsError
from model.devices import choose_device
from tasks.commands.evaluate.clips import Clip, SystemSounds, all_systems, find_clips
from tasks.commands.evaluate.compare import Comparer
from tasks.commands.evaluate.facts import FactFinder
from tasks.commands.evaluate.inputs import read_inputs, require_some
from tasks.commands.evaluate.judge_run import NEEDS, JudgeRun, run_judge
from tasks.commands.evaluate.options import EvaluateOptions
from tasks.commands.evaluate.problems import require_allowed
from tasks.commands.evaluate.result import ALL_CLIPS, Evaluation, JudgeUse
from tasks.commands.evaluate.score_rows import ScoreTable
from tasks.commands.evaluate.signal import ClipValues, SignalScorer, quality
from tasks.evaluate.columns import COLUMN_OF, columns_of
from tasks.evaluate.judge_cache import FileHashes, JudgeCache
from tasks.evaluate.judging import CachedJudge, absent, choose_judges
from tasks.evaluate.metrics.catalogue import METRICS
from tasks.evaluate.sounds import Decoder


def evaluate_folders(options: EvaluateOptions) -> Evaluation:
    """Scores every system on the clips that all systems and the reference have.

    Equal files and options give equal results, whatever was interrupted before. Raises InputProblemsError when files
    are missing or faulty in a way that is not allowed, UsageError for folders and tables that cannot be used.
    """
    choice = choose_judges(options.judges)
    inputs, problems = read_inputs(options)
    hashes, decoder = FileHashes(options.cache), Decoder()
    cache = JudgeCache(options.cache)
    clips, found = find_clips(inputs, options, FactFinder(cache, hashes, decoder))
    hashes.save()
    problems += found
    require_allowed(problems, options.allowed)
    require_some(tuple(clip.name for clip in clips), options)
    systems = all_systems(clips, options, decoder)
    has_signal = not options.only or not options.only.isdisjoint(METRICS)
    values = _signal_values(cache, clips, systems, options) if has_signal else {one.name: {} for one in systems}
    runs, why_not = _ask(choice.asked, choice.why_not, cache, clips, systems, options)
    measured = {"clips": clips, "systems": systems, "values": values, "runs": runs, "seed": options.seed}
    comparer = Comparer(**measured)
    known = {clip.name for clip in clips}
    return Evaluation(
        systems=tuple(options.systems),
        clips=tuple(clips),
        left_out=tuple(sorted({*inputs.reference, *(one.name for one in problems if one.kind == "duplicate")} - known)),
        problems=tuple(sorted(problems)),
        judges=_uses(runs, why_not),
        scores=tuple(ScoreTable(**measured, why_not=why_not, only=options.only).rows()),
        clip_scores=tuple(_clip_scores(clips, systems, values, runs)),
        comparisons=() if options.only else tuple(comparer.comparisons()),
        worst=() if options.only else tuple(comparer.worst()),
        seed=options.seed,
    )


def _signal_values(
    cache: JudgeCache, clips: Sequence[Clip], systems: Sequence[SystemSounds], options: EvaluateOptions
) -> dict[str, ClipValues]:
    scored = SignalScorer(cache).score(clips, systems, options.on_progress)
    values = {system.name: found for system, found in zip(systems, scored, strict=True)}
    for system in options.systems:
        values[system] |= quality(clips, system)
    return values


def _ask(
    names: Sequence[str],
    why_not: Mapping[str, str],
    cache: JudgeCache,
    clips: Sequence[Clip],
    systems: Sequence[SystemSounds],
    options: EvaluateOptions,
) -> tuple[dict[str, JudgeRun], dict[str, str]]:
    """Returns what each judge gave, one judge in memory at a time, and why the others gave nothing."""
    runs, reasons = {}, dict(why_not)
    device = choose_device(options.device)
    for name in names:
        plain = name.partition(":")[0].replace("_", "-")
        if reason := _needs(plain, options):
            reasons[plain] = reason
            continue
        try:
            asked = CachedJudge.load(name, cache, device)
        except WeightsError as error:
            reasons[plain] = absent(plain, error)
        else:
            runs[plain] = run_judge(asked, clips, systems, options.on_progress)
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


def _clip_scores(
    clips: Sequence[Clip],
    systems: Sequence[SystemSounds],
    values: Mapping[str, ClipValues],
    runs: Mapping[str, JudgeRun],
) -> list[ClipScore]:
    rows = []
    for system in systems:
        found: ClipValues = dict(values[system.name])
        for run in runs.values():
            found |= run.values.get(system.name, {})
        for place, clip in enumerate(clips):
            for metric in (name for name in (*METRICS, *COLUMN_OF) if place in found.get(name, ())):
                rows.append(
                    ClipScore(
                        item_id="/".join((clip.name, system.name, metric)),
                        parent_id=clip.name,
                        task=clip.category or ALL_CLIPS,
                        system=system.name,
                        checkpoint=None,
                        metric=metric,
                        value=found[metric][place],
                    )
                )
    return rows
