"""How long the data stages would take on this machine, from running them on a few recordings; for `foleygenex plan`.

The stages are the real ones, in a temporary workspace: ingest on recordings of the corpus, augment and the captions on
what it made of them, with captions that name a side each. An endpoint is not asked: that would cost money.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from data_contracts import Augmented, Clip, FoleyGenExError, Mined, Row, read_table, write_table
from data_contracts.quantities import counted, duration_text
from tasks.config import PipelineConfig
from tasks.engine import Item, run_stage
from tasks.engine.cpu_time import cpu_seconds
from tasks.engine.workspace import Workspace
from tasks.ingest.duplicates import Duplicates
from tasks.ingest.stage import IngestStage
from tasks.pipeline import find_step

_PROBED_CLIPS: Final = 4
_SIDES: Final = (("speed", "fast", "quickly"), ("distance", "near", "nearby"), ("volume", "loud", "loudly"))
_ROOMS: Final = 2  # simulated once per run, whatever its size
_BY_MODEL: Final = (1, 3)  # captions of the two runs that a local model writes, at some seconds each
_STAGES: Final = ("ingest", "augment", "recaption", "paraphrase")


def work_of(recordings: int, augmented: int, captions: int, kind: str, config: PipelineConfig) -> dict[str, int]:
    """Returns how many items each stage would process. Of captions, those that a local model writes where there is one
    (`kind` embedded): what the rules write beside it takes no time."""
    by_model = [captions, captions]
    if kind == "embedded":
        most = (config.llm.max_recaptions, config.llm.max_paraphrased)
        by_model = [captions if limit is None else min(captions, limit) for limit in most]
    return dict(zip(_STAGES, (recordings, augmented, *by_model), strict=True))


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
            _run_rest(_probing(config), clips, workspace, rest, found, is_served=kind == "embedded")
    return found


def _ingested(
    config: PipelineConfig, probed: Sequence[Item], workspace: Workspace, found: dict[str, float]
) -> list[Clip]:
    stage = IngestStage(config.ingest, config.dataset_version)
    started = cpu_seconds()
    results = list(stage.process(probed, workspace))
    if probed:
        found["ingest"] = (cpu_seconds() - started) / len(probed)
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
    """Runs stages twice: on the first clip, for what is made or loaded once, and, timed, on the others.

    A local model starts in both runs; what the second one takes longer is the time of its further captions.
    """
    start: dict[str, float] = {}
    for count, by_model in zip((1, len(clips)), _BY_MODEL, strict=True):
        _write_inputs(clips[:count], workspace)
        for name in stages:
            if name == "recaption" and is_served:
                table = workspace.table("augment", Augmented.TABLE)
                write_table(table, Augmented, read_table(table, Augmented)[:by_model])
            is_model = is_served and name != "augment"
            try:
                seconds, items = _seconds(config, name, workspace, time.perf_counter if is_model else cpu_seconds)
            except FoleyGenExError:  # of these recordings nothing can be made, or the model is not there
                return
            if items > 1 and is_model and seconds > start.get(name, seconds):
                found[name] = (seconds - start[name]) / (items - 1)
            elif items:
                found[name] = seconds / items
            start[name] = seconds


def _seconds(config: PipelineConfig, name: str, workspace: Workspace, clock: Callable[[], float]) -> tuple[float, int]:
    """Returns the seconds of a stage, and how many items it processed; of augment, an item is one new audio file."""
    started = clock()
    summary = run_stage(find_step(name).make(config), workspace)
    return clock() - started, summary.new


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


def _probing(config: PipelineConfig) -> PipelineConfig:
    """Returns the settings with a few rooms only, and with no caption left to the rules."""
    augment = config.augment.model_copy(update={"rooms": min(_ROOMS, config.augment.rooms)})
    llm = config.llm.model_copy(update={"max_recaptions": None, "max_paraphrased": None})
    return config.model_copy(update={"augment": augment, "llm": llm})
