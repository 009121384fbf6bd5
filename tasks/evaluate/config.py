"""Settings of generation and scoring on the held-out clips (SPEC G7, E*)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from data_contracts.generation import BUILTIN, TRAINED
from model.config import AskedPrecision
from model.weights.catalogue import network_named
from tasks.engine.quality import AcceptedShare
from tasks.engine.settings import Device, StageConfig
from tasks.evaluate.paper_tables.config import SystemPaths, TableFiles, TableNumber, TableOptions
from tasks.evaluate.sampling import SamplingSettings


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class EvaluateConfig(StageConfig):
    """How many held-out clips are generated per task, and how they are sampled."""

    clips: int = Field(48, ge=1, description="held-out clips per task")
    adverb_pairs: int = Field(48, ge=1, description="caption pairs per adverb direction")
    checkpoints: tuple[str, ...] = Field(
        (TRAINED,),
        min_length=1,
        description="what is scored side by side: trained (this run's), builtin, or checkpoint files",
    )
    trained_clips: int | None = Field(
        None,
        ge=1,
        description="of the run's own training, when others are scored beside it: clips per task and pairs per adverb "
        "direction; empty: all",
    )
    steps: int = Field(25, ge=1, description="flow-matching steps (SPEC G7: 25)")
    cfg_scale: float = Field(4.5, ge=1.0, description="guidance scale (SPEC G7: 4.5)")
    batch_size: int = Field(12, ge=1, description="clips generated together")
    seed: int = Field(7, description="seed of the noise, the choice of cases and the baselines")
    seeds: tuple[int, ...] = Field(
        (),
        description="seeds of the noise, in place of `seed`: each clip is generated with each of them, and scores are "
        "the mean with the standard deviation over the seeds",
    )
    device: Device = "auto"
    accept_quarantined: AcceptedShare = Field(
        0.1, description="largest share of generated batches, of judgements and of scored clips that may be quarantined"
    )
    sampling: SamplingSettings = SamplingSettings()
    judges: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        ("corpus-cnn",),
        description="networks that judge the audio, e.g. [corpus-cnn, resemblyzer, vggish]; auto: all whose weights "
        "are here at the first run, non-commercial ones only when named; embedded; none; NAME:PATH for your own file. "
        "Ablations and claims ask corpus-cnn and those that are named",
    )
    precision: AskedPrecision = Field(
        "fp32", description="of sampling; auto: bf16 on a device that multiplies it natively, as train.precision"
    )
    table: TableNumber | None = Field(
        None, description="`run evaluate` makes this table of the paper, 1 to 7, instead of the run's own scores"
    )
    systems: dict[str, SystemPaths] = Field(
        {},
        description="of `table`: row -> folder of generated audio, or checkpoint (a file, builtin, trained, or a "
        "published network's name); several for their mean",
    )
    test_set: TableFiles = TableFiles()
    table_options: TableOptions = TableOptions()

    @property
    def noise_seeds(self) -> tuple[int, ...]:
        """The seeds of the noise that audio is generated from, one at least."""
        return self.seeds or (self.seed,)

    @field_validator("seeds")
    @classmethod
    def _different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"a seed is named twice in {seeds}; the same audio again says nothing of the spread")
        return seeds

    @classmethod
    def resolve_paths(cls, values: dict[str, Any], folder: Path) -> None:
        """Makes the paths of checkpoints, judges, systems and the test set absolute; names stay."""
        systems, files = values.get("systems"), values.get("test_set")
        if isinstance(chosen := values.get("checkpoints"), list | tuple):
            values["checkpoints"] = [_absolute(one, folder) for one in chosen]
        if isinstance(judges := _as_list(values.get("judges")), list | tuple):
            values["judges"] = [_absolute_judges(one, folder) for one in judges]
        if isinstance(systems, dict):
            for name, paths in systems.items():
                if isinstance(paths, str):
                    systems[name] = _absolute(paths, folder)
                elif isinstance(paths, list | tuple):
                    systems[name] = [_absolute(one, folder) for one in paths]
        if isinstance(files, dict):
            for name in TableFiles.PATHS:
                if isinstance(files.get(name), str) and files[name]:
                    files[name] = str(folder / files[name])


def _absolute_judges(judges: Any, folder: Path) -> Any:
    """Returns judges, separated by commas, the paths of NAME:PATH counted from the config's folder."""
    if not isinstance(judges, str):
        return judges
    parts = [one.strip().partition(":") for one in judges.split(",")]
    return ",".join(f"{name}:{folder / Path(path).expanduser()}" if path else name for name, _, path in parts)


def _absolute(path: Any, folder: Path) -> Any:
    """Returns a path counted from the config's folder; `builtin`, `trained` and a published network's name stay."""
    if not isinstance(path, str) or path in (TRAINED, BUILTIN):
        return path
    found = folder / Path(path).expanduser()
    return path if not found.exists() and network_named(path) is not None else str(found)
