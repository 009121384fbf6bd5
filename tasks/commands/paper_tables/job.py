"""Makes a table: finds or generates the systems' audio, computes what can be computed, puts it beside the paper's."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from data_contracts import UsageError
from data_contracts.files import atomic_path
from tasks.commands.paper_tables.comparing import Comparer, Systems
from tasks.commands.paper_tables.composing import compose
from tasks.commands.paper_tables.extension import folder_of
from tasks.commands.paper_tables.generation import (
    TableGenerator,
    checkpoint_of,
    variant_of,
    why_not_generated,
)
from tasks.commands.paper_tables.inputs import Files, TableInputs, generated_files, read_inputs, read_subset
from tasks.commands.paper_tables.latex import latex
from tasks.commands.paper_tables.measuring import Measurement, TableMeasurer
from tasks.commands.paper_tables.parts import GIVEN_S, PartCutter
from tasks.commands.paper_tables.text import markdown
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.judge_cache import FileHashes
from tasks.evaluate.paper_tables.layout import PaperTable, paper_table
from tasks.evaluate.paper_tables.result import FOLDER, Measured, TableResult

log = logging.getLogger(__name__)

_NO_FOLDER: Final = "not computed: the system's folder has no subfolder {}"


def make_table(config: EvaluateConfig, workspace: Workspace, on_progress: OnProgress = silent) -> TableResult:
    """Makes the table that `config.table` names, writes it as JSON, Markdown and LaTeX into the workspace, returns it.

    Raises UsageError naming the setting that is missing or wrong, and as `Comparer.compare` and `TableGenerator`.
    """
    if config.table is None:
        raise UsageError("evaluate.table is not set; give the number of a table, 1 to 7")
    table = paper_table(config.table)
    named = _named_systems(table, config)
    folder = workspace.path(FOLDER, f"table-{table.number}")
    measured = Measurement()
    if named:
        comparer = Comparer(
            config=config, folder=folder, cache=workspace.path(FOLDER, "cache"), on_progress=on_progress
        )
        measured = _measure(table, named, comparer, workspace)
    result = compose(table, config, named, measured)
    result.write(workspace)
    for suffix, text in ((".md", markdown(result)), (".tex", latex(result))):
        with atomic_path(workspace.path(FOLDER, f"table-{table.number}{suffix}")) as temporary:
            temporary.write_text(text, "utf-8")
    return result


def _named_systems(table: PaperTable, config: EvaluateConfig) -> dict[str, tuple[str, ...]]:
    """Returns system -> its folders or checkpoints. Other systems than the paper's get rows of their own, except where
    columns are systems."""
    printed = {system.printed: name for name, system in table.systems.items()}
    found: dict[str, tuple[str, ...]] = {}
    for key, paths in config.systems.items():
        name = printed.get(key, key)
        if table.has_systems_in_columns and name not in table.systems:
            known = ", ".join(table.systems)
            raise UsageError(f"evaluate.systems: table {table.number} has no system {key!r}; it has {known}")
        if name in found:
            raise UsageError(f"evaluate.systems: {key!r} is a second name of {name!r}; name each system once")
        found[name] = (paths,) if isinstance(paths, str) else paths
        if not found[name]:
            raise UsageError(f"evaluate.systems.{key} has no folder")
    return found


def _measure(
    table: PaperTable, named: Mapping[str, tuple[str, ...]], comparer: Comparer, workspace: Workspace
) -> Measurement:
    comparer.require_settings()
    inputs = read_inputs(table, comparer.config.test_set)
    read_subset(comparer.config.test_set)  # a mistake in it is said now, and not after audio was generated
    cutter = PartCutter(comparer.folder / "parts", FileHashes(comparer.cache))
    finder = _SystemFinder(table, inputs, comparer, cutter, workspace)
    conditions = comparer.config.table_options.extension_conditions if table.has_systems_in_columns else ((),)
    systems = dict(enumerate(finder.systems(named, conditions)))
    found = TableMeasurer(table=table, inputs=inputs, comparer=comparer, cutter=cutter, systems=systems).measure()
    found.lines += finder.lines
    for (place, system), why in finder.reasons.items():
        for part in table.sizes:
            found.add(part, place, {(system, metric): Measured(why=why) for metric in table.metrics})
    return found


@dataclass
class _SystemFinder:
    """Finds the files of the systems, generating those of checkpoints.

    `reasons`: why a row of a system has none; `lines`: how was generated.
    """

    table: PaperTable
    inputs: TableInputs
    comparer: Comparer
    cutter: PartCutter
    workspace: Workspace

    def __post_init__(self) -> None:
        self.reasons: dict[tuple[int, str], str] = {}
        self.lines: list[str] = []

    def systems(self, named: Mapping[str, tuple[str, ...]], conditions: Sequence[tuple[str, ...]]) -> list[Systems]:
        """Returns system -> files of each run, for each set of conditions (an empty one where the table has none)."""
        sources = {
            (place, name): [self._source(name, path, given) for path in paths]
            for place, given in enumerate(conditions)
            for name, paths in named.items()
        }
        found: list[Systems] = [{} for _ in conditions]
        for (place, name), of_system in sources.items():  # after all were looked at: to generate may take hours
            if reason := next((one for one in of_system if isinstance(one, str)), None):
                self.reasons[place, name] = reason
                continue
            files: list[Files] = []
            found[place][name] = files
            for number, source in enumerate(of_system):
                if isinstance(source, Path):
                    files += self._generated(name, number, source, conditions[place])
                elif not isinstance(source, str):
                    files.append(source)
        return found

    def _source(self, name: str, path: str, conditions: tuple[str, ...]) -> Files | Path | str:
        """Returns the files of a folder, the file of a checkpoint, or a text where there are none.

        Raises UsageError for a folder without any of the table's clips, and as `checkpoint_of`.
        """
        folder = Path(path)
        if not folder.is_dir():
            found = checkpoint_of(name, path, self.workspace, variant_of(self.table.systems.get(name)))
            return found if isinstance(found, str) else why_not_generated(conditions, self.inputs) or found
        inner = folder / folder_of(conditions)
        if not inner.is_dir():
            return _NO_FOLDER.format(folder_of(conditions))
        files = generated_files(inner, self.table.task)
        if not files.keys() & self.inputs.captions.keys():
            clips = f"{len(self.inputs.captions):,} clips"
            raise UsageError(f"evaluate.systems.{name}: there is none of the {clips} of the test set in {inner}")
        return files

    def _generated(self, name: str, number: int, checkpoint: Path, conditions: tuple[str, ...]) -> list[Files]:
        """Returns the files that a checkpoint has made, by seed."""
        system = self.table.systems.get(name)
        generator = TableGenerator(
            table=self.table,
            inputs=self.inputs,
            config=self.comparer.config,
            folder=self.comparer.folder / "generated",
            given=self._given if "Ar" in conditions else {},
            on_progress=self.comparer.on_progress,
        )
        self.lines = [_sampling_line(self.comparer.config)]
        if self.table.task == "vta" and not any(self.inputs.captions.values()):
            self.lines.append("the clips have no captions or labels: checkpoints get the video alone")
        return [
            generator.generate(name, checkpoint, system, conditions, number=number, seed=seed)
            for seed in self.comparer.config.noise_seeds
        ]

    @cached_property
    def _given(self) -> Files:
        """The first 3 s of the true audio, which table 5 gives."""
        return self.cutter.audio(self.inputs.truth, 0.0, GIVEN_S)


def _sampling_line(config: EvaluateConfig) -> str:
    """Returns how checkpoints are sampled; the paper gives steps and guidance, and no seed."""
    paper = EvaluateConfig()
    name = "evaluate.seeds" if config.seeds else "evaluate.seed"
    seeds = f"{name} = {', '.join(map(str, config.noise_seeds))}"
    changed = ", ".join(f"{name} = {value}" for name, value in config.sampling.over({}).items())
    return (
        f"audio of checkpoints: {seeds} (not said in the paper), "
        f"evaluate.steps = {config.steps}, evaluate.cfg_scale = {config.cfg_scale:g} "
        f"(the paper: {paper.steps} and {paper.cfg_scale:g}){f'; evaluate.sampling: {changed}' if changed else ''}"
    )
