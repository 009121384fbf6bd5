"""What the items of a step depend on besides the earlier stages, without listing them: settings, code, files outside.

With the markers of the stages this tells whether a finished stage is up to date in some milliseconds
(`tasks/engine/inputs.py`). None stands for "not known": then the items are listed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from data_contracts.generation import BUILTIN
from model.weights.locate import weights_folder
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace
from tasks.ingest.config import IngestConfig

_ROOT: Final = Path(__file__).resolve().parent.parent
_CODE: Final = ("tasks", "model", "data_contracts")
_NOT_CODE: Final = {".pyc", ".safetensors"}  # weights are known by their sizes and times
_OF_THE_MACHINE: Final = {"workspace", "runner", "dask_address", "workers", "shard_size", "gpu_pool"}
Outside = Callable[[PipelineConfig, Workspace], Any]


def known_inputs(group: str | None, outside: Outside | None, config: PipelineConfig, workspace: Workspace) -> Any:
    """Returns what a step's items depend on besides earlier stages, JSON-able; None when that is not known.

    `group` names the step's settings, all of them count without one. `outside` returns what it reads outside of the
    workspace; None means not known.
    """
    found = outside(config, workspace) if outside else None
    if found is None:
        return None
    settings = config.model_dump(mode="json", include={group, "dataset_version"} if group else None)
    settings = {name: value for name, value in settings.items() if name not in _OF_THE_MACHINE}
    return {"settings": settings, "outside": found, "code": code_hash()}


def nothing(config: PipelineConfig, workspace: Workspace) -> Any:  # noqa: ARG001
    """A step that reads earlier stages only."""
    return ""


def corpora(config: PipelineConfig, workspace: Workspace) -> Any:  # noqa: ARG001
    """The built-in corpus is made by code; the files of any other have to be listed."""
    return "" if _is_builtin(config.ingest) else None


def caption_parser(config: PipelineConfig, workspace: Workspace) -> Any:  # noqa: ARG001
    """Which miner `mine.parser` leads to."""
    from tasks.mine.parser import method_of

    return method_of(config.mine.parser)


def caption_writer(config: PipelineConfig, workspace: Workspace) -> Any:  # noqa: ARG001
    """Which writer and validator the settings lead to."""
    from tasks.language.parse import uses_parser
    from tasks.llm.backend import identity_of

    identity = identity_of(config.llm)
    return [identity, identity["backend"] != "rules" and uses_parser(config.llm.parser)]


def encoder_weights(config: PipelineConfig, workspace: Workspace) -> Any:  # noqa: ARG001
    """The weights that are shipped and fetched, and the files that the settings name."""
    names = (config.precompute.codec, config.precompute.text_encoder, config.precompute.image_encoder)
    given = [Path(name.partition(":")[2] or name) for name in (*names, config.precompute.sync_encoder)]
    return [shipped_weights(), identities(weights_folder().rglob("*")), identities(given)]


def initial_weights(config: PipelineConfig, workspace: Workspace) -> Any:  # noqa: ARG001
    """The checkpoint that a training starts from; not known when it is missing, which is an error of its own."""
    start = config.train.init_from
    if start is None:
        return ""
    if start == BUILTIN:
        return shipped_weights()
    return identities([Path(start)]) or None


def checkpoints(config: PipelineConfig, workspace: Workspace) -> Any:  # noqa: ARG001
    """The weights that are part of the package or fetched, and the checkpoints that the settings name."""
    given = identities(Path(name) for name in config.evaluate.checkpoints)
    return [shipped_weights(), identities(weights_folder().rglob("*.safetensors")), given]


def judges(config: PipelineConfig, workspace: Workspace) -> Any:
    """The checkpoints, and the judges' weights: those that are part of a package, fetched, or named in the settings."""
    given = [Path(name.partition(":")[2]) for name in config.evaluate.judges if ":" in name]
    return [checkpoints(config, workspace), identities(weights_folder().rglob("*")), identities(given)]


def tables(config: PipelineConfig, workspace: Workspace) -> Any:  # noqa: ARG001
    """Every table of the workspace, also those that no stage of the pipeline writes."""
    return identities(workspace.root.glob("*/*.parquet"))


def identities(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    """Returns (path, bytes, modification time) of the files among the paths."""
    found = []
    for path in sorted(paths):
        if path.is_file():
            status = path.stat()
            found.append((str(path), status.st_size, status.st_mtime_ns))
    return found


def _is_builtin(config: IngestConfig) -> bool:
    return all(corpus.kind == "builtin" for corpus in config.corpora or (config.corpus,))


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Returns the hash of this project's source files, prompts and word lists among them.

    So a stage's version, which its module has, need not be known.
    """
    digest = hashlib.sha256()
    for package in _CODE:
        for path in sorted((_ROOT / package).rglob("*")):
            if path.is_file() and path.suffix not in _NOT_CODE:
                digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def shipped_weights() -> list[tuple[str, int, int]]:
    """Returns the identities of the weights that are part of the package."""
    return identities((_ROOT / "model").rglob("*.safetensors"))
