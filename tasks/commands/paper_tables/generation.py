"""Audio of a table's clips from a checkpoint, under the table's conditions, by the code of `foleygenex generate`."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_contracts import FoleyGenExError, GeneratedFile, UsageError, read_table
from data_contracts.generation import BUILTIN, TRAINED
from model.devices import choose_device, choose_precision
from model.variants import variant
from model.weights.catalogue import network_named
from tasks.commands.generate.batch import FAILURES, MANIFEST, run_requests
from tasks.commands.generate.options import GenerateOptions
from tasks.commands.generate.requests import GenerationRequest
from tasks.commands.generate.session import InferenceSession
from tasks.commands.paper_tables.inputs import SETTING, Files, TableInputs
from tasks.commands.paper_tables.parts import END_S, GIVEN_S, SCORED_S
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace, safe_name, seed_for
from tasks.evaluate.checkpoints import checkpoint_paths
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.paper_tables.layout import PaperTable, TableSystem
from tasks.media.video import probe_video
from tasks.weights.checkpoints import resolved_checkpoint, why_absent

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableGenerator:
    """Generates with the settings of a config into folders below `folder`. What is there is not made again.

    `given`: table 5, the audio of the first 3 s of each clip.
    """

    table: PaperTable
    inputs: TableInputs
    config: EvaluateConfig
    folder: Path
    given: Files = field(default_factory=dict)
    on_progress: OnProgress = field(default=silent, repr=False)

    def generate(
        self,
        name: str,
        checkpoint: Path,
        system: TableSystem | None,
        conditions: tuple[str, ...] = (),
        *,
        number: int = 0,
        seed: int | None = None,
    ) -> Files:
        """Returns the generated file of each clip; those that failed are logged and missing.

        `number`: of the checkpoint among the system's; `seed`: of the noise, by default the first of the settings.
        Raises WeightsError and MismatchError for a checkpoint that cannot be used for this row, FoleyGenExError when
        no clip could be generated.
        """
        chosen = self.config.noise_seeds[0] if seed is None else seed
        out = self.folder / safe_name(name) / "-".join((f"{number + 1}", "seed", f"{chosen}", *conditions))
        named = variant_of(system)
        files = {clip: out / f"{safe_name(clip)}.flac" for clip in self.inputs.captions}
        requests = [
            GenerationRequest(number=row, task=options.task, asked_name=clip, options=options)
            for row, (clip, path) in enumerate(files.items(), 1)
            for options in [self._options(clip, path, checkpoint, named, conditions, chosen)]
        ]
        first = requests[0].options
        assert first is not None
        finished = itertools.count(1)

        def on_done(line: str) -> None:
            log.info("%s", line)
            self.on_progress(next(finished), len(files), f"generate {name}")

        done = run_requests(
            requests, InferenceSession.of(first), out, batch_size=self.config.batch_size, on_done=on_done
        )
        if done.failed == done.total:
            raise FoleyGenExError(f"evaluate.systems.{name}: no clip could be generated; {out / FAILURES} says why")
        if done.failed:
            log.warning("evaluate.systems.%s: %s; %s says why", name, done.line(out), out / FAILURES)
        made = {row.path for row in read_table(out / f"{MANIFEST}.parquet", GeneratedFile)}
        return {clip: path for clip, path in files.items() if path.name in made}

    def _options(
        self,
        clip: str,
        out: Path,
        checkpoint: Path,
        named: str | None,
        conditions: tuple[str, ...],
        seed: int,
    ) -> GenerateOptions:
        config = self.config
        asked = {"task": self.table.task, **self._conditions(clip, named, conditions)}
        return GenerateOptions(
            checkpoint=checkpoint,
            out=out,
            variant=named,
            seed=seed_for("table", str(seed), clip),
            steps=config.steps,
            cfg_scale=config.cfg_scale,
            sampling=config.sampling,
            precision=choose_precision(config.precision, choose_device(config.device)),
            device=config.device,
            **asked,
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
                return self._extension(clip, named, conditions)
        said = text if self.table.task == "tc-vta" or self.config.table_options.label_text else None
        return {"video": video, "text": said, "duration_s": _at_most(seconds, video)}

    def _extension(self, clip: str, named: str | None, conditions: tuple[str, ...]) -> dict[str, Any]:
        """Returns what is given under conditions of table 5, all of which have Vt: the video of 3-8 s.

        Without Ar it is video to audio, of the whole video where Vr is given. With Ar and without Vr, other frames
        stand in place of those before 3 s.
        """
        asked: dict[str, Any] = {
            "video": self.inputs.videos.get(clip),
            "text": self.inputs.captions[clip] or None if "Text" in conditions else None,
            "duration_s": END_S,
        }
        if "Ar" not in conditions:
            is_whole = "Vr" in conditions
            return {**asked, "task": "vta"} | ({} if is_whole else {"video_from_s": GIVEN_S, "duration_s": SCORED_S})
        asked["reference_audio"] = self.given[clip]
        return asked if "Vr" in conditions else {**asked, "context_video": self._context(named)}

    def _context(self, named: str | None) -> str:
        chosen = self.config.table_options.extension_context
        return variant(named or "full").surrogate if chosen == "variant" else chosen


def variant_of(system: TableSystem | None) -> str | None:
    """Returns the named configuration that a system's checkpoint is of, None where any is."""
    return system.variant if system is not None else None


def why_not_generated(conditions: tuple[str, ...], inputs: TableInputs) -> str | None:
    """Returns why a checkpoint does not generate under some conditions of table 5, None where it does."""
    if conditions and "Vt" not in conditions:
        return "not computed: a checkpoint extends audio along the target video, so it needs Vt; name a folder for it"
    if "Text" in conditions and not any(inputs.captions.values()):
        return f"not computed: Text is given, and the clips have no captions; set {SETTING}.captions"
    return None


def _at_most(seconds: float, video: Path | None) -> float | None:
    """Returns the seconds, or None, which stands for the whole video, where it is shorter."""
    try:
        return None if video is None or probe_video(video).duration_s < seconds else seconds
    except FoleyGenExError:
        return None  # the request is refused, with the reason


def checkpoint_of(name: str, path: str, workspace: Workspace, named: str | None = None) -> Path | str:
    """Returns the file of a system's checkpoint: `builtin`, `trained` (the workspace's own), a file, or a published
    network's name, converted to the configuration `named`; a text where parts of that are not on this machine.

    Raises UsageError for what is none of these, ContractError before the training is finished.
    """
    if network_named(path) is not None and not Path(path).exists():
        return why_absent(Path(path)) or resolved_checkpoint(Path(path), named=named)
    if path not in (BUILTIN, TRAINED) and not Path(path).is_file():
        raise UsageError(
            f"evaluate.systems.{name}: {path} is neither a folder of generated audio nor a checkpoint; name "
            f"a folder, a checkpoint's file, {BUILTIN}, {TRAINED} or a published network, e.g. mmaudio-large-44k-v2"
        )
    return next(iter(checkpoint_paths([path], workspace).values()))
