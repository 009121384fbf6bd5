"""Audio of a table's clips from a checkpoint, under the table's conditions, by the code of `foleygenex generate`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data_contracts import FoleyGenExError, GeneratedFile, UsageError, read_table
from data_contracts.generation import BUILTIN, TRAINED
from model.devices import choose_device, choose_precision
from model.variants import variant
from tasks.commands.generate.batch import FAILURES, MANIFEST, run_requests
from tasks.commands.generate.options import GenerateOptions
from tasks.commands.generate.requests import GenerationRequest
from tasks.commands.generate.session import InferenceSession
from tasks.commands.paper_tables.extension import END_S, GIVEN_S
from tasks.commands.paper_tables.inputs import Files, TableInputs
from tasks.engine.workspace import Workspace, safe_name, seed_for
from tasks.evaluate.checkpoints import checkpoint_paths
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.paper_tables.layout import PaperTable, TableSystem
from tasks.media.video import probe_video

log = logging.getLogger(__name__)

_WHOLE_VIDEO: Final = {"Vt", "Ar", "Vr"}
"""Conditions of table 5 that task fe has: it is given the whole video and the audio before 3 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableGenerator:
    """Generates with the settings of a config into folders below `folder`. What is there is not made again."""

    table: PaperTable
    inputs: TableInputs
    config: EvaluateConfig
    folder: Path
    on_done: Callable[[str], None] = log.info

    def generate(
        self, name: str, checkpoint: Path, system: TableSystem | None, conditions: tuple[str, ...] = ()
    ) -> Files:
        """Returns the generated file of each clip; those that failed are logged and missing.

        Raises WeightsError and MismatchError for a checkpoint that cannot be used for this row, FoleyGenExError when
        no clip could be generated.
        """
        out = self.folder / safe_name("-".join((name, *conditions)))
        named = system.variant if system is not None else None
        files = {clip: out / f"{safe_name(clip)}.flac" for clip in self.inputs.captions}
        requests = [
            GenerationRequest(
                number=number,
                task=self.table.task,
                asked_name=clip,
                options=self._options(clip, path, checkpoint, named, conditions),
            )
            for number, (clip, path) in enumerate(files.items(), 1)
        ]
        first = requests[0].options
        assert first is not None
        done = run_requests(
            requests, InferenceSession.of(first), out, batch_size=self.config.batch_size, on_done=self.on_done
        )
        if done.failed == done.total:
            raise FoleyGenExError(f"evaluate.systems.{name}: no clip could be generated; {out / FAILURES} says why")
        if done.failed:
            log.warning("evaluate.systems.%s: %s; %s says why", name, done.line(out), out / FAILURES)
        made = {row.path for row in read_table(out / f"{MANIFEST}.parquet", GeneratedFile)}
        return {clip: path for clip, path in files.items() if path.name in made}

    def _options(
        self, clip: str, out: Path, checkpoint: Path, named: str | None, conditions: tuple[str, ...]
    ) -> GenerateOptions:
        config = self.config
        return GenerateOptions(
            task=self.table.task,
            checkpoint=checkpoint,
            out=out,
            variant=named,
            seed=seed_for("table", str(config.seed), clip),
            steps=config.steps,
            cfg_scale=config.cfg_scale,
            sampling=config.sampling,
            precision=choose_precision(config.precision, choose_device(config.device)),
            device=config.device,
            **self._conditions(clip, named, conditions),
        )

    def _conditions(self, clip: str, named: str | None, conditions: tuple[str, ...]) -> dict[str, Any]:
        inputs, text = self.inputs, self.inputs.captions[clip] or None
        video, seconds = inputs.videos.get(clip), self.config.test_set.seconds
        match self.table.task:
            case "tta":
                return {"text": text, "duration_s": seconds}
            case "ac-vta":
                own_video = named is not None and variant(named).surrogate == "true"
                reference = inputs.references[clip]
                return {
                    "video": video,
                    "reference_audio": reference,
                    "reference_video": reference if own_video else None,
                }
            case "fe":
                said = text if "Text" in conditions else None
                return {"video": video, "text": said, "window": (GIVEN_S, END_S), "duration_s": END_S}
        said = text if self.table.task == "tc-vta" or self.config.table_options.label_text else None
        return {"video": video, "text": said, "duration_s": _at_most(seconds, video)}


def why_not_generated(conditions: tuple[str, ...]) -> str | None:
    """Returns why a checkpoint does not generate under some conditions of table 5, None where it does."""
    if set(conditions) - {"Text"} == _WHOLE_VIDEO:
        return None
    return "not computed: a checkpoint generates with Vt, Ar and Vr together; name a folder for other conditions"


def _at_most(seconds: float, video: Path | None) -> float | None:
    """Returns the seconds, or None, which stands for the whole video, where it is shorter."""
    try:
        return None if video is None or probe_video(video).duration_s < seconds else seconds
    except FoleyGenExError:
        return None  # the request is refused, with the reason


def checkpoint_of(name: str, path: str, workspace: Workspace) -> Path:
    """Returns the file of a system's checkpoint: `builtin`, `trained` (the workspace's own), or a file.

    Raises UsageError for what is neither, ContractError before the training is finished.
    """
    if path not in (BUILTIN, TRAINED) and not Path(path).is_file():
        raise UsageError(
            f"evaluate.systems.{name}: {path} is neither a folder of generated audio nor a checkpoint; name "
            f"a folder, a checkpoint's file, {BUILTIN} or {TRAINED}"
        )
    return next(iter(checkpoint_paths([path], workspace).values()))
