"""What is computed for each table: which comparisons its columns and rows need, and where each number belongs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from tasks.commands.evaluate.result import Evaluation
from tasks.commands.paper_tables.comparing import Compared, Comparer, Systems, Values, truth_values
from tasks.commands.paper_tables.extension import LikenessScorer
from tasks.commands.paper_tables.inputs import SETTING, Files, TableInputs, read_subset
from tasks.commands.paper_tables.parts import END_S, GIVEN_S, PartCutter
from tasks.engine.workspace import hash_text
from tasks.evaluate.columns import DESYNC_WINDOWS
from tasks.evaluate.paper_tables.layout import ALL, FILTERED, PaperTable
from tasks.evaluate.paper_tables.result import Measured

Key = tuple[str, int, str, str]
"""(part of the test set, row's place in it where columns are systems, else 0; system; metric)."""
_IB, _DESYNC = "IB-score", "DeSync"
_NO_SUBSET: Final = "not computed: needs evaluate.test_set.subset_file, the list of these clips"
_ON_REQUEST: Final = dict(zip(("first", "last"), DESYNC_WINDOWS, strict=True))
_DRAWN: Final = 1000
_RESEMBLYZER, _WITH_VAD, _EMPTIED = "Resemblyzer", "Resemblyzer-VAD", "Resemblyzer-VAD emptied"


@dataclass
class Measurement:
    """The numbers of a table, and what is said of how they came about."""

    values: dict[Key, Measured] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def add(self, part: str, place: int, values: Values) -> None:
        """Takes the numbers of a comparison."""
        self.values |= {(part, place, system, _printed(metric)): found for (system, metric), found in values.items()}

    def add_reason(self, part: str, place: int, systems: Systems, metrics: tuple[str, ...], why: str) -> None:
        """Takes a reason for the cells of all systems."""
        self.add(part, place, {(system, metric): Measured(why=why) for system in systems for metric in metrics})


@dataclass(frozen=True, kw_only=True)
class TableMeasurer:
    """Computes a table. `systems`: place of a row, where columns are systems, else 0 -> system -> files of its runs."""

    table: PaperTable
    inputs: TableInputs
    comparer: Comparer
    cutter: PartCutter
    systems: Mapping[int, Systems]

    def measure(self) -> Measurement:
        """Returns every number that the named systems can have. Raises as `Comparer.compare`."""
        found = Measurement(lines=list(self.inputs.lines))
        if self.table.task == "ac-vta":
            self._style_transfer(found)
        elif self.table.has_systems_in_columns:
            self._extension(found)
        else:
            seconds = self.comparer.config.test_set.seconds
            found.lines.append(f"{SETTING}.seconds = {seconds:g}: so much of the beginning of each clip is scored")
            compared = self._compared(ALL, self.table.metrics, self.inputs.truth, self.systems[0])
            evaluation = self._add(found, ALL, compared)
            if FILTERED in self.table.sizes:
                self._filtered(found, compared, evaluation)
        return found

    def _compared(self, name: str, metrics: tuple[str, ...], truth: Files, systems: Systems) -> Compared:
        inputs = self.inputs
        window = _ON_REQUEST.get(self.comparer.config.table_options.desync_windows)
        return Compared(
            name=f"table {self.table.number}, {name}",
            metrics=tuple(window if window and one == _DESYNC else one for one in metrics),
            truth=truth,
            systems=systems,
            captions=inputs.captions,
            groups={clip: inputs.group(clip) for clip in inputs.captions},
            videos=inputs.videos,
            seconds=self.comparer.config.test_set.seconds,
        )

    def _add(self, found: Measurement, part: str, compared: Compared, place: int = 0) -> Evaluation:
        values, evaluation = self.comparer.compare(compared)
        found.add(part, place, values)
        return evaluation

    def _filtered(self, found: Measurement, compared: Compared, evaluation: Evaluation) -> None:
        """Table 2's * rows: the clips of a list, or those whose true audio goes with its video."""
        subset, least = read_subset(self.comparer.config.test_set), self.comparer.config.table_options.ib_threshold
        if subset is not None:
            names, line = subset
        else:
            scores = truth_values(evaluation, _IB)
            names = frozenset(clip for clip, value in scores.items() if value >= least)
            line = f"* rows: {len(names):,} of {len(scores):,} clips have an IB-score of at least {least:g}"
            if not scores:
                why = next(iter(self._why(found, _IB)), "")
                why = f"{_NO_SUBSET}, or the IB-score of each clip ({why.removeprefix('not computed: ')})"
                found.add_reason(FILTERED, 0, compared.systems, compared.metrics, why)
                return
        found.lines.append(line)
        if chosen := [clip for clip in compared.captions if clip in names]:
            self._add(found, FILTERED, compared.of(chosen, f"table {self.table.number}, * rows"))
        else:
            why = "not computed: none of the clips is in this part of the test set"
            found.add_reason(FILTERED, 0, compared.systems, compared.metrics, why)

    def _why(self, found: Measurement, metric: str) -> Iterator[str]:
        return (one.why for (_, _, _, name), one in found.values.items() if name == metric and one.why)

    def _style_transfer(self, found: Measurement) -> None:
        """Tables 4 and 7: onsets are compared with the target's, the style with the reference's."""
        options = self.comparer.config.table_options
        style = [metric for metric in self.table.metrics if metric != "OnsetSyncAP"]
        of_target = ["OnsetSyncAP"]
        if options.fd_reference == "targets":
            style.remove("FD_VGG")
            of_target.append("FD_VGG")
        asked = tuple(_WITH_VAD if one == _RESEMBLYZER and options.resemblyzer_vad else one for one in style)
        asked = (*asked, _EMPTIED) if options.resemblyzer_vad else asked
        systems = self.systems[0] if options.transfer_part == "first" else self._endings()
        self._add(found, ALL, self._compared("targets", tuple(of_target), self.inputs.truth, systems))
        compared = self._compared("references", asked, self.inputs.references, systems)
        values, _ = self.comparer.compare(compared)
        for (system, metric), value in values.items():
            if metric != _EMPTIED:
                found.add(ALL, 0, {(system, metric.removesuffix("-VAD")): value})
            elif value.value is not None:
                found.lines.append(f"{system}: voice activity detection empties {value.value:.0%} of {value.n:,} clips")

    def _endings(self) -> Systems:
        """Returns the last part of each generated file, as long as its target clip."""
        cutter, targets = self.cutter, self.inputs.truth
        made = {system: [cutter.ending(run, targets) for run in runs] for system, runs in self.systems[0].items()}
        cutter.hashes.save()
        return made

    def _subset(self) -> tuple[frozenset[str], str] | None:
        """Returns table 5's 1,000 clips: those of the list, else drawn ones, and a line about them."""
        config = self.comparer.config
        listed, seed = read_subset(config.test_set), config.table_options.extension_seed
        if listed is not None or seed is None:
            return listed
        order = sorted(self.inputs.captions, key=lambda clip: hash_text("table 5", str(seed), clip))
        if len(order) < _DRAWN:
            return frozenset(), f"{_DRAWN:,} clips cannot be drawn: the test set has {len(order):,}"
        return frozenset(order[:_DRAWN]), f"{_DRAWN:,} of {len(order):,} clips are drawn"

    def _extension(self, found: Measurement) -> None:
        """Table 5: each set of conditions over both parts of the test set."""
        config, inputs, cutter = self.comparer.config, self.inputs, self.cutter
        truth, videos = cutter.audio(inputs.truth, GIVEN_S, END_S), cutter.video(inputs.videos)
        is_given = config.table_options.extension_reference == "given"
        reference = cutter.audio(inputs.truth, 0.0, GIVEN_S) if is_given else truth
        scorer, subset = LikenessScorer(self.comparer), self._subset()
        if subset is not None:
            found.lines.append(subset[1])
        for place, named in self.systems.items():
            systems = {
                system: [cutter.audio(run, GIVEN_S, END_S, or_whole=True) for run in runs]
                for system, runs in named.items()
            }
            if not systems:
                continue
            whole = self._compared(f"conditions {place + 1}", ("DeSync",), truth, systems)
            for part in self.table.sizes:
                chosen = whole.captions if part == "ALL" else () if subset is None else subset[0]
                names = [clip for clip in whole.captions if clip in chosen]
                if not names:
                    found.add_reason(part, place, systems, self.table.metrics, _why_none(subset))
                    continue
                compared = whole.of(names, f"{whole.name}, {part}")
                likeness = scorer.score(compared.systems, {clip: reference[clip] for clip in names}, compared.groups)
                found.add(part, place, {(system, "CLAP_A"): value for system, value in likeness.items()})
                videos_there = {clip: videos[clip] for clip in names if clip in videos}
                self._add(found, part, _with_videos(compared, videos_there), place)
        cutter.hashes.save()


def _printed(metric: str) -> str:
    """Returns the name that the table has for a metric."""
    return _DESYNC if metric in DESYNC_WINDOWS else metric


def _with_videos(compared: Compared, videos: Files) -> Compared:
    return replace(compared, videos=videos, seconds=None)


def _why_none(subset: tuple[frozenset[str], str] | None) -> str:
    """Returns why table 5's rows of 1,000 have no clips."""
    if subset is None:
        return _NO_SUBSET
    clips, line = subset
    return f"not computed: {'the subset has none of these clips' if clips else line}"
