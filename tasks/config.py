"""The whole pipeline's config: one pydantic model, from YAML, with `a.b=c` overrides on top."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError

from data_contracts import UsageError
from tasks.augment.config import AugmentConfig
from tasks.evaluate.config import EvaluateConfig
from tasks.ingest.config import IngestConfig
from tasks.llm.config import LLMConfig
from tasks.manifest.config import ManifestConfig
from tasks.mine.config import MineConfig
from tasks.precompute.config import PrecomputeConfig
from tasks.settings import StageConfig
from tasks.train.config import TrainConfig


class PipelineConfig(StageConfig):
    """What `foleygenex run` reads. Every field has a default, so an empty file is the built-in demo."""

    workspace: str = Field("workspace", description="folder of the run")
    dataset_version: str = Field("1", description="part of every seed")
    runner: Literal["threads", "processes", "serial", "dask"] = Field("threads", description="where shards run")
    workers: int = Field(2, ge=1, description="shards at a time")
    shard_size: int = Field(64, ge=1, le=4096, description="items per shard, one Prefect task each")
    ingest: IngestConfig = IngestConfig()
    mine: MineConfig = MineConfig()
    augment: AugmentConfig = AugmentConfig()
    llm: LLMConfig = LLMConfig()
    manifest: ManifestConfig = ManifestConfig()
    precompute: PrecomputeConfig = PrecomputeConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()

    @classmethod
    def load(cls, path: Path | None, overrides: list[str] | None = None) -> Self:
        """Reads a YAML config and applies `a.b=c` overrides. Raises UsageError with the field and what was expected."""
        values = _read_yaml(path) if path else {}
        for override in overrides or []:
            _apply(values, override)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "config"
            raise UsageError(f"config {path or 'overrides'}: {where}: {first['msg']}") from error


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"config {path} does not exist") from error
    except (yaml.YAMLError, UnicodeDecodeError, IsADirectoryError) as error:
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
    node[leaf] = yaml.safe_load(text)
