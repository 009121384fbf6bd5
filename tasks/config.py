"""The whole pipeline's settings: one pydantic model, and where a workspace keeps its own."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, Self

import yaml
from pydantic import Field, ValidationError

from data_contracts import UsageError
from data_contracts.files import atomic_path
from tasks.augment.config import AugmentConfig
from tasks.engine.settings import StageConfig, load_settings, read_yaml, settings_from
from tasks.engine.workspace import Workspace
from tasks.evaluate.config import EvaluateConfig
from tasks.ingest.config import IngestConfig
from tasks.llm.config import LLMConfig
from tasks.manifest.config import ManifestConfig
from tasks.mine.config import MineConfig
from tasks.precompute.config import PrecomputeConfig
from tasks.train.comparisons import AblationsConfig, ClaimsConfig
from tasks.train.config import TrainConfig

STORED: Final = "config.yaml"


class PipelineConfig(StageConfig):
    """What `foleygenex run` reads. Every field has a default, so an empty file is the built-in demo."""

    workspace: str = Field("workspace", description="folder of the run")
    dataset_version: str = Field("1", description="part of every seed")
    runner: Literal["threads", "processes", "serial", "dask"] = Field("threads", description="where shards run")
    dask_address: str = Field("", description="dask: a running scheduler, e.g. tcp://10.0.0.5:8786; empty: its own")
    workers: int = Field(2, ge=1, description="shards at a time")
    shard_size: int = Field(64, ge=1, le=4096, description="items per shard, one Prefect task each")
    gpus: int = Field(
        1,
        ge=1,
        description="GPUs of this machine that precompute, judge, generate and score use at a time, a process each",
    )
    gpu_pool: str = Field(
        "gpu", description="Prefect work pool for train, generate, judge and score, used when it has a worker"
    )
    ingest: IngestConfig = IngestConfig()
    mine: MineConfig = MineConfig()
    augment: AugmentConfig = AugmentConfig()
    llm: LLMConfig = LLMConfig()
    manifest: ManifestConfig = ManifestConfig()
    precompute: PrecomputeConfig = PrecomputeConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    ablations: AblationsConfig = AblationsConfig()
    claims: ClaimsConfig = ClaimsConfig()

    @classmethod
    def load(cls, path: Path | None, overrides: Sequence[str] = ()) -> Self:
        """Reads a YAML config and applies `a.b=c` overrides. Raises UsageError with the field and what was expected."""
        return load_settings(cls, path, overrides)

    @classmethod
    def resolve_paths(cls, values: dict[str, Any], folder: Path) -> None:
        """Makes paths absolute: the config is stored in the workspace and used from other folders."""
        if isinstance(evaluate := values.get("evaluate"), dict):
            EvaluateConfig.resolve_paths(evaluate, folder)
        ingest = values.get("ingest")
        if not isinstance(ingest, dict):
            return
        several = ingest.get("corpora")
        for corpus in (ingest.get("corpus"), *(several if isinstance(several, list) else ())):
            for name in ("path", "media", "test_ids"):
                if isinstance(corpus, dict) and isinstance(corpus.get(name), str):
                    corpus[name] = str(folder / corpus[name])


def shipped_config(name: str) -> Path:
    """Returns the path of a config that is part of the package."""
    return Path(str(files("tasks") / "configs" / name))


def config_path(config: Path) -> Path:
    """Returns the config file; a bare name that is no file here may be a shipped config's."""
    shipped = shipped_config(f"{config}.yaml")
    if not config.exists() and len(config.parts) == 1 and shipped.exists():
        return shipped
    return config


def require_corpus(config: PipelineConfig, where: str) -> None:
    """Raises UsageError for settings that name no corpus: the built-in one is for the demo and is asked for by name."""
    if not config.ingest.model_fields_set & {"corpus", "corpora"}:
        raise UsageError(
            f"{where} names no corpus; set ingest.corpus, e.g. {{kind: table, path: clips.csv}} (docs/corpora.md), or "
            "{kind: builtin} for the rendered clips of the demo"
        )


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
    stored = read_yaml(path) if path.exists() else {}
    require_known(stored, workspace)
    values = _merged(stored, settings or {})
    config = settings_from(PipelineConfig, values, overrides, str(path))
    return config.model_copy(update={"workspace": str(workspace.root)})


def require_known(stored: dict[str, Any], workspace: Workspace) -> None:
    """Raises UsageError when a stored config has a setting that this release does not know."""
    try:
        PipelineConfig.model_validate(stored)
    except ValidationError as error:
        unknown = [problem["loc"] for problem in error.errors() if problem["type"] == "extra_forbidden"]
        if unknown:
            raise UsageError(
                f"config {workspace.path(STORED)}: {'.'.join(map(str, unknown[0]))}: this release has no such setting, "
                "the workspace was made by another; `foleygenex run all CONFIG --workspace "
                f"{workspace.root}` stores CONFIG's settings and makes again what needs it"
            ) from error


def with_changes(config: PipelineConfig, overrides: Sequence[str]) -> PipelineConfig:
    """Returns a config with `a.b=c` overrides on top. Raises UsageError naming the field."""
    return settings_from(PipelineConfig, config.model_dump(mode="json"), overrides, "overrides")


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Returns `values` with those of `changes`, group by group."""
    merged = dict(values)
    for name, value in changes.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
