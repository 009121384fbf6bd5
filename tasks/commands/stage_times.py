"""How long the data stages would take on this machine, from running them on a few recordings; for `foleygenex plan`.

The stages are the real ones, in a temporary workspace: ingest on recordings of the corpus, augment and the captions on
what it made of them, with captions that name a side each. An endpoint is not asked: that would cost money.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from data_contracts import Clip, FoleyGenExError, Mined, Row, write_table
from data_contracts.quantities import counted, duration_text
from tasks.config import PipelineConfig
from tasks.engine import Item, run_stage
from tasks.engine.workspace import Workspace
from tasks.ingest.duplicates import Duplicates
from tasks.ingest.stage import IngestStage
from tasks.pipeline import find_step

_PROBED_CLIPS: Final = 4
_SIDES: Final = (("speed", "fast", "quickly"), ("distance", "near", "nearby"), ("volume", "loud", "loudly"))
_ROOMS: Final = 2  # simulated once per run, whatever its size
_STAGES: Final = ("ingest", "augment", "recaption", "paraphrase")


def work_of(recordings: int, augmented: int, captions: int) -> dict[str, int]:
    """Returns how many items each stage would process."""
    return dict(zip(_STAGES, (recordings, augmented, captions, captions), strict=True))


def time_lines(config: PipelineConfig, probed: Sequence[Item], work: Mapping[str, int], kind: str) -> list[str]:
    """Returns the line on hours per stage; a stage that could not be run on the recordings is said to be unknown.

    `probed` are items of ingest, `work` the items of each stage, `kind` is who writes the captions.
    """
    seconds = seconds_per_item(config, probed, kind)
    known = [f"{name} {duration_text(work[name] * seconds[name])}" for name in _STAGES if name in seconds]
    unknown = [name for name in _STAGES if name not in seconds]
    parts = [", ".join(known)] if known else []
    if unknown:
        why = "an endpoint is not asked" if kind == "endpoint" and known else "nothing could be measured"
        parts.append(f"{', '.join(unknown)} unknown ({why})")
    return [f"time         on one core: {'; '.join(parts)} (timed now on {counted(len(probed), 'recording')})"]


def seconds_per_item(config: PipelineConfig, probed: Sequence[Item], kind: str) -> dict[str, float]:
    """Returns the CPU seconds per item of each stage, elapsed seconds of those that a local model serves."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="foleygenex-plan-") as folder:
        workspace = Workspace(Path(folder))
        clips = _ingested(config, probed, workspace, found)
        if clips:
            rest = ["augment"] if kind == "endpoint" else ["augment", "recaption", "paraphrase"]
            _run_rest(_few(config), clips, workspace, rest, found, is_served=kind == "embedded")
    return found


def _ingested(
    config: PipelineConfig, probed: Sequence[Item], workspace: Workspace, found: dict[str, float]
) -> list[Clip]:
    stage = IngestStage(config.ingest, config.dataset_version)
    started = cpu_s()
    results = list(stage.process(probed, workspace))
    if probed:
        found["ingest"] = (cpu_s() - started) / len(probed)
    rows = [row for result in results for row in result.rows]
    return list(Duplicates().table_rows(rows))[:_PROBED_CLIPS]


def _run_rest(
    config: PipelineConfig,
    clips: list[Clip],
    workspace: Workspace,
    stages: Sequence[str],
    found: dict[str, float],
    *,
    is_served: bool,
) -> None:
    """Runs stages twice: on the first clip, for what is made or loaded once, and, timed, on the others."""
    for count in dict.fromkeys((1, len(clips))):
        _write_inputs(clips[:count], workspace)
        for name in stages:
            clock = time.perf_counter if name != "augment" and is_served else cpu_s
            try:
                found[name] = _seconds(config, name, workspace, clock)
            except FoleyGenExError:  # of these recordings nothing can be made, or the model is not there
                return


def _seconds(config: PipelineConfig, name: str, workspace: Workspace, clock: Callable[[], float]) -> float:
    """Returns the seconds per item that a stage processes now; of augment, an item is one new audio file."""
    started = clock()
    summary = run_stage(find_step(name).make(config), workspace)
    return (clock() - started) / max(1, summary.new)


def _write_inputs(clips: list[Clip], workspace: Workspace) -> None:
    mined: list[Row] = []
    for clip, (dimension, side, words) in ((clip, one) for clip in clips for one in _SIDES):
        caption = f"A dog barks {words}"
        mined.append(
            Mined(
                item_id=f"{clip.item_id}~{dimension}",
                parent_id=clip.item_id,
                caption=caption,
                dimension=dimension,
                side=side,
                words=words,
                start=caption.index(words),
                end=len(caption),
                pos="adverb",
            )
        )
    write_table(workspace.table("ingest", Clip.TABLE), Clip, clips)
    write_table(workspace.table("mine", Mined.TABLE), Mined, mined)


def _few(config: PipelineConfig) -> PipelineConfig:
    """Returns the settings with a few rooms only."""
    rooms = min(_ROOMS, config.augment.rooms)
    return config.model_copy(update={"augment": config.augment.model_copy(update={"rooms": rooms})})


def cpu_s() -> float:
    """Returns the CPU seconds of this process and of the programs that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
