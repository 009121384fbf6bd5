"""The whole pipeline's config: one pydantic model, from YAML, with `a.b=c` overrides on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError

from data_contracts import UsageError
from data_contracts.files import atomic_path
from tasks.augment.config import AugmentConfig
from tasks.engine.settings import StageConfig
from tasks.engine.workspace import Workspace
from tasks.evaluate.config import EvaluateConfig
from tasks.ingest.config import IngestConfig
from tasks.llm.config import LLMConfig
from tasks.manifest.config import ManifestConfig
from tasks.mine.config import MineConfig
from tasks.precompute.config import PrecomputeConfig
from tasks.train.ablations import AblationsConfig
from tasks.train.config import TrainConfig

ConfigT = TypeVar("ConfigT", bound=StageConfig)
STORED: Final = "config.yaml"


class PipelineConfig(StageConfig):
    """What `foleygenex run` reads. Every field has a default, so an empty file is the built-in demo."""

    workspace: str = Field("workspace", description="folder of the run")
    dataset_version: str = Field("1", description="part of every seed")
    runner: Literal["threads", "processes", "serial", "dask"] = Field("threads", description="where shards run")
    dask_address: str = Field("", description="dask: a running scheduler, e.g. tcp://10.0.0.5:8786; empty: its own")
    workers: int = Field(2, ge=1, description="shards at a time")
    shard_size: int = Field(64, ge=1, le=4096, description="items per shard, one Prefect task each")
    gpu_pool: str = Field("gpu", description="Prefect work pool for train and evaluate, used when it has a worker")
    ingest: IngestConfig = IngestConfig()
    mine: MineConfig = MineConfig()
    augment: AugmentConfig = AugmentConfig()
    llm: LLMConfig = LLMConfig()
    manifest: ManifestConfig = ManifestConfig()
    precompute: PrecomputeConfig = PrecomputeConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    ablations: AblationsConfig = AblationsConfig()

    @classmethod
    def load(cls, path: Path | None, overrides: list[str] | None = None) -> Self:
        """Reads a YAML config and applies `a.b=c` overrides. Raises UsageError with the field and what was expected."""
        return load_settings(cls, path, overrides or [])


def load_settings(kind: type[ConfigT], path: Path | None, overrides: list[str]) -> ConfigT:
    """Reads any settings from YAML and applies `a.b=c` overrides. Raises UsageError naming the field."""
    values = _read_yaml(path) if path else {}
    if path:
        _resolve_corpus(values, path.resolve().parent)
    for override in overrides:
        _apply(values, override)
    _resolve_corpus(values, Path.cwd())
    return _validated(kind, values, str(path or "overrides"))


def store(config: PipelineConfig, workspace: Workspace) -> None:
    """Keeps the config in the workspace, so that `status`, `retry-quarantine` and single stages need only that."""
    path = workspace.path(STORED)
    values = config.model_dump(mode="json", exclude={"workspace"})
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    if path.exists() and path.read_text("utf-8") == text:
        return
    with atomic_path(path) as temporary:
        temporary.write_text(text, "utf-8")


def load_stored(
    workspace: Workspace, settings: dict[str, Any] | None = None, overrides: Sequence[str] = ()
) -> PipelineConfig:
    """Returns the workspace's config with the given `settings` and `a.b=c` overrides in place of its own.

    What is not given stays as it is stored; defaults where nothing is. Raises UsageError naming the field, also when
    the stored config does not fit this release.
    """
    path = workspace.path(STORED)
    values = _merged(_read_yaml(path) if path.exists() else {}, settings or {})
    for override in overrides:
        _apply(values, override)
    _resolve_corpus(values, Path.cwd())
    return _validated(PipelineConfig, {**values, "workspace": str(workspace.root)}, str(path))


def with_changes(config: PipelineConfig, overrides: Sequence[str]) -> PipelineConfig:
    """Returns a config with `a.b=c` overrides on top. Raises UsageError naming the field."""
    values = config.model_dump(mode="json")
    for override in overrides:
        _apply(values, override)
    _resolve_corpus(values, Path.cwd())
    return _validated(PipelineConfig, values, "overrides")


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Returns `values` with those of `changes`, group by group."""
    merged = dict(values)
    for name, value in changes.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _validated(kind: type[ConfigT], values: dict[str, Any], where: str) -> ConfigT:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "config"
        message = _unknown(kind, first["loc"]) if first["type"] == "extra_forbidden" else _plain(first)
        raise UsageError(f"config {where}: {field}: {message}") from error


def _plain(problem: Mapping[str, Any]) -> str:
    """What was expected, and what stands there where that is one short value."""
    given = problem.get("input")
    shown = isinstance(given, str | int | float) and len(str(given)) <= 40
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{message}, not {given!r}" if shown and str(given) not in message else message


def _unknown(kind: type[BaseModel], place: Sequence[int | str]) -> str:
    """Says which setting a misspelt one may have been, or which there are."""
    model: Any = kind
    for part in place[:-1]:
        field = model.model_fields.get(part) if isinstance(part, str) and _is_model(model) else None
        model = field.annotation if field is not None else None
    if not _is_model(model):
        return "unknown setting"
    near = get_close_matches(str(place[-1]), model.model_fields, n=1)
    return (
        f"unknown setting; did you mean {near[0]}?"
        if near
        else f"unknown setting; known: {', '.join(model.model_fields)}"
    )


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _resolve_corpus(values: dict[str, Any], folder: Path) -> None:
    """A corpus path in a config file is relative to that file; in an override, to the current folder.

    It is made absolute because the config is stored in the workspace and used from other folders.
    """
    ingest = values.get("ingest")
    if not isinstance(ingest, dict):
        return
    several = ingest.get("corpora")
    for corpus in (ingest.get("corpus"), *(several if isinstance(several, list) else ())):
        for name in ("path", "media", "test_ids"):
            if isinstance(corpus, dict) and isinstance(corpus.get(name), str):
                corpus[name] = str(folder / corpus[name])


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"config {path} does not exist") from error
    except OSError as error:
        raise UsageError(f"config {path} cannot be read: {error.strerror}; a YAML file is expected") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"config {path} is not valid YAML: {error}".replace("\n", " ")) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"config {path} must be a mapping of stage names to settings")
    return values


def _apply(values: dict[str, Any], override: str) -> None:
    name, separator, text = override.partition("=")
    if not separator or not name:
        raise UsageError(f"--set {override!r}: expected name=value, e.g. train.steps=100")
    *parents, leaf = name.split(".")
    node = values
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise UsageError(f"--set {override!r}: {parent!r} is a value, not a group")
    try:
        node[leaf] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"--set {override!r}: the value is not valid YAML") from error
