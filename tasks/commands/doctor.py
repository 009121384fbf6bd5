"""What a run needs, looked at before it starts: one line per need, good or with what mends it (`foleygenex doctor`)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal

import httpx

from data_contracts import FoleyGenExError, ItemError, UsageError
from data_contracts.generation import BUILTIN, TRAINED
from data_contracts.quantities import counted, size_text
from data_contracts.secrets import masked
from data_contracts.stages import STAGE_TABLES
from model.weights.catalogue import CAPTION_PARSER, COMPONENTS
from model.weights.locate import available
from tasks.augment.config import MISSING_PROGRAMS
from tasks.choices import with_choices
from tasks.config import PipelineConfig, require_corpus
from tasks.engine.workspace import Workspace
from tasks.ingest.config import IngestConfig
from tasks.ingest.listing import list_recordings, lists_corpora, media_folders
from tasks.llm.backend import Backend, choose_backend
from tasks.media.audio import probe_audio
from tasks.pipeline import find_step

STAGES: Final = (*STAGE_TABLES, "report")
_PROBED: Final = 8  # recordings opened, spread over the list
_ANSWER_S: Final = 10.0
_NOT_IMPLEMENTED: Final = 501
_QUARANTINED: Final = "mend them, or go on: they are quarantined, and `foleygenex quarantine W ingest` names them all"
_ENCODING: Final = ("precompute", "generate", "judge", "score")
_COMPUTING: Final = {"precompute": ("precompute",), "train": ("train",), "evaluate": ("generate", "judge", "score")}
"""Settings with a device -> the stages that use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One need: whether a run can start, what was found, and what mends it. A good one with that is a warning."""

    name: str
    good: bool
    found: str
    mend: str = ""

    @property
    def status(self) -> Literal["ok", "warning", "missing"]:
        """How the need is met."""
        if not self.good:
            return "missing"
        return "warning" if self.mend else "ok"

    def line(self) -> str:
        """Returns e.g. `missing  weights    mmaudio-44k is not downloaded -> foleygenex weights fetch mmaudio-44k`."""
        mend = f" -> {self.mend}" if self.mend else ""
        return masked(f"{self.status:<8} {self.name:<9} {self.found}{mend}")


def examine(config: PipelineConfig, *, stages: Container[str] = STAGES, disk: bool = True) -> list[Check]:
    """Returns what the given stages need under a config, each looked at once. Changes nothing.

    The endpoint of a language model is asked for its list of models: that costs nothing. `disk` compares the free space
    with the plan, for which all captions are mined and lengths sampled.
    """
    config = with_choices(config, Workspace(Path(config.workspace)))
    checks: list[Check] = []
    if "ingest" in stages:
        checks += _corpora(config)
    checks += _programs(config, stages)
    if "mine" in stages and config.mine.parser != "rules":
        checks += _parser(config.mine.parser)
    if "recaption" in stages or "paraphrase" in stages:
        checks += _writer(config)
    if any(stage in stages for stage in _ENCODING):
        checks += _weights(config)
    if "generate" in stages:
        checks += _checkpoints(config)
    if "judge" in stages or "score" in stages:
        checks += _judges(config)
    if "train" in stages:
        checks += _start(config)
    checks += _device(config, stages)
    if disk and all(check.good for check in checks if check.name == "corpus"):
        checks += [_disk(config)]
    return checks


def _corpora(config: PipelineConfig) -> Iterator[Check]:
    try:
        require_corpus(config, "the config")
        if not lists_corpora(config.ingest):
            yield Check(name="corpus", good=True, found="built-in: rendered clips, for the demo")
            return
        listing = list_recordings(config.ingest, config.dataset_version)
    except UsageError as error:
        yield Check(name="corpus", good=False, found=str(error))
        return
    for name, counts in listing.sources.items():
        there = counts["listed"] - counts["missing"]
        missing = counts["first_missing"]
        lacks = f", {counted(counts['missing'], 'file')} missing, the first is {missing[0]}" if missing else ""
        mend = _QUARANTINED if missing else ""
        if not there:
            mend = "set media to the folder of the recordings" if counts["listed"] else "name another list"
        yield Check(name="corpus", good=bool(there), found=f"{name}: {counted(there, 'recording')}{lacks}", mend=mend)
    yield from _readable(config.ingest, config.dataset_version)


def _readable(config: IngestConfig, version: str) -> Iterator[Check]:
    """Opens some of the recordings that are files of their own."""
    listed = [
        r for r in islice(list_recordings(config, version).recordings, 100_000) if not r.missing and r.row is None
    ]
    sample = listed[:: max(1, -(-len(listed) // _PROBED))]
    folders, failures = media_folders(config), []
    for recording in sample:
        name = recording.audio or recording.video
        try:
            probe_audio(folders[recording.corpus] / name, name)
        except ItemError as error:
            failures.append(error.message)  # it begins with the name
    if sample:
        found = f"{len(sample) - len(failures)} of {counted(len(sample), 'sampled recording')} can be read"
        first = f"; {failures[0]}" if failures else ""
        good = len(failures) < len(sample)
        mend = "" if not failures else _QUARANTINED if good else "look at that file"
        yield Check(name="files", good=good, found=f"{found}{first}", mend=mend)


def _programs(config: PipelineConfig, stages: Container[str]) -> Iterator[Check]:
    if "augment" not in stages:
        return
    needed = find_step("augment").make(config).programs()
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        yield Check(name="programs", good=False, found=f"{' and '.join(missing)} not found", mend=MISSING_PROGRAMS)
    else:
        yield Check(name="programs", good=True, found=" and ".join(needed) or "none needed")


def _parser(choice: str) -> Iterator[Check]:
    there = available(CAPTION_PARSER)
    command = COMPONENTS[CAPTION_PARSER].fetch_command
    if there or choice == "spacy":
        found = f"{CAPTION_PARSER}{'' if there else ' is not downloaded'}"
        yield Check(name="parser", good=there, found=found, mend="" if there else f"`{command}`")
    else:
        yield Check(name="parser", good=True, found=f"captions are mined by rules (`{command}` fetches the parser)")


def _writer(config: PipelineConfig) -> Iterator[Check]:
    try:
        backend = choose_backend(config.llm)
    except FoleyGenExError as error:
        yield Check(name="writer", good=False, found=str(error))
        return
    if backend.kind == "endpoint":
        yield _endpoint(backend)
    else:
        yield Check(name="writer", good=True, found=f"captions are written by {backend.model} ({backend.reason})")


def _endpoint(backend: Backend) -> Check:
    """Asks for the list of models. Not every server has that list: any answer will do but a refusal or a failure."""
    url = backend.base_url.rstrip("/")
    key = os.environ.get("OPENAI_API_KEY", "")
    try:
        reply = httpx.get(f"{url}/models", headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=_ANSWER_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        found = f"{url} does not answer ({type(error).__name__}: {error})"
        return Check(name="endpoint", good=False, found=found, mend="start it, or set OPENAI_BASE_URL")
    if reply.status_code in (401, 403):
        found = f"{url} refuses the key ({reply.status_code})"
        return Check(name="endpoint", good=False, found=found, mend="set OPENAI_API_KEY")
    if reply.status_code >= 500 and reply.status_code != _NOT_IMPLEMENTED:
        found = f"{url} answers with an error ({reply.status_code})"
        return Check(name="endpoint", good=False, found=found, mend="look at its log")
    return Check(name="endpoint", good=True, found=f"{url} answers; captions are written by {backend.model}")


def _weights(config: PipelineConfig) -> Iterator[Check]:
    settings = config.precompute
    for name in (settings.codec, settings.text_encoder, settings.image_encoder, settings.sync_encoder):
        layout, _, path = name.partition(":")
        if path or Path(name).suffix:
            good = Path(path or name).expanduser().exists()
            found = f"{path or name}{'' if good else ' does not exist'}"
            yield Check(name="weights", good=good, found=found, mend="" if good else "correct the path in precompute")
        elif (known := layout.replace("_", "-")) in COMPONENTS or name in COMPONENTS:
            known = name if name in COMPONENTS else known
            good = available(known)
            found = f"{name}{'' if good else ' is not downloaded'}"
            yield Check(
                name="weights", good=good, found=found, mend="" if good else f"`{COMPONENTS[known].fetch_command}`"
            )
        else:
            yield Check(name="weights", good=False, found=f"no component is called {name}", mend="`foleygenex weights`")


def _judges(config: PipelineConfig) -> Iterator[Check]:
    """Looks for the files of the judges that the settings name; those that were asked before are as they were then."""
    from tasks.evaluate.asked_judges import kept_judges
    from tasks.evaluate.judging import absent_component, judges_here

    kept = kept_judges(Workspace(Path(config.workspace)))
    try:
        asked = judges_here(config.evaluate.judges).asked
    except UsageError as error:
        yield Check(name="weights", good=False, found=f"evaluate.judges: {error}")
        return
    for name in (one for one in asked if one not in kept):
        path = name.partition(":")[2]
        if path and not Path(path).exists():
            yield Check(name="weights", good=False, found=f"judge {name}: no such file", mend="correct evaluate.judges")
        elif component := absent_component(name):
            mend = f"`{component.fetch_command}`, or leave {name} out of evaluate.judges"
            yield Check(name="weights", good=False, found=f"judge {name} is not downloaded", mend=mend)


def _checkpoints(config: PipelineConfig) -> Iterator[Check]:
    """Looks for the checkpoints that are scored beside the run's own training."""
    others = [one for one in config.evaluate.checkpoints if one != TRAINED]
    if not others:
        return
    from tasks.evaluate.checkpoints import checkpoint_paths  # imports torch

    try:
        checkpoint_paths(others, Workspace(Path(config.workspace)))
    except FoleyGenExError as error:
        yield Check(name="weights", good=False, found=str(error))


def _start(config: PipelineConfig) -> Iterator[Check]:
    if start := config.train.init_from:
        good = start == BUILTIN or Path(start).is_file()
        found = f"train.init_from: {start}{'' if good else ' does not exist'}"
        yield Check(name="weights", good=good, found=found, mend="" if good else "correct train.init_from")


def _device(config: PipelineConfig, stages: Container[str]) -> Iterator[Check]:
    """Says which device the stages will use, once for those that ask for the same."""
    settings: dict[str, list[str]] = {}
    for group, users in _COMPUTING.items():
        if any(stage in stages for stage in users):
            settings.setdefault(getattr(config, group).device, []).append(f"{group}.device")
    for asked, names in settings.items():
        yield _asked_device(asked, " and ".join(names))


def _asked_device(asked: str, settings: str) -> Check:
    if asked == "cpu":  # needs no import of torch
        return Check(name="device", good=True, found=f"the CPU ({settings}: cpu)")
    import torch

    from model.devices import choose_device

    try:
        device = choose_device(asked)
    except UsageError as error:
        mend = f"set {settings} to auto, or run on a machine with that GPU"
        return Check(name="device", good=False, found=str(error), mend=mend)
    used = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    because = "; torch sees no GPU" if asked == "auto" and device.type == "cpu" else ""
    return Check(name="device", good=True, found=f"{used} ({settings}: {asked}{because})")


def _disk(config: PipelineConfig) -> Check:
    from tasks.commands.estimate import planned_bytes

    folder = Path(config.workspace).resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free, needed = shutil.disk_usage(existing).free, planned_bytes(config)
    found = f"{size_text(free)} free in {existing}, the plan is {size_text(needed)}"
    good = free > needed
    return Check(name="disk", good=good, found=found, mend="" if good else "free space, or choose another --workspace")


def require(checks: Iterable[Check], say: Callable[[str], None]) -> None:
    """Raises UsageError for the first need that is not met; says the others, and the warnings."""
    checks = list(checks)
    failed = [check for check in checks if not check.good]
    for check in [*failed[1:], *(one for one in checks if one.status == "warning")]:
        say(check.line())
    if failed:
        first = failed[0]
        raise UsageError(f"{first.name}: {first.found}{f'; {first.mend}' if first.mend else ''}")
