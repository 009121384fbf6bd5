"""Settings of training (SPEC T1-T4): the model's own fields (`model.config`), with the demo's values as defaults.

What a setting means and which values it takes is written once, at the model's field; so are the paper's values, which
are the model's defaults. `DEMO` and `DEMO_MASKS` list where the demo differs: they are what an empty config trains.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_type_hints

from pydantic import Field, create_model, field_validator

from data_contracts.generation import BUILTIN
from model.config import PRESETS, MaskConfig, NetworkConfig, SumReference, TrainingConfig, preset
from model.variants import VARIANTS, variant
from tasks.engine.settings import Device, StageConfig

# A short training on one CPU, with reasons in docs/training.md. It has to see the contexts of FE and AC-VTA, hence the
# wider and placed spans, and videos without their captions, which name what the video shows. What is heard (level,
# material, crescendo) is decided near the noise in latents of log magnitudes, hence the flow times.
DEMO: Final = {
    "steps": 450, "batch_size": 16, "lr": 1.5e-3, "warmup_steps": 100, "schedule": "cosine", "hold_share": 0.3,
    "time_location": -1.2, "time_spread": 1.5, "latent_std": "common", "precision": "auto",
    "ema_sigma_rel": 0.1, "ema_snapshot_every": 200, "log_every": 10, "validate_every": 100, "checkpoint_every": 100,
}  # fmt: skip
DEMO_MASKS: Final = {
    "span_low": 0.5, "span_placement": "mixed", "drop_reference": 0.4,
    "drop_clip": 0.05, "vta_drop_text": 0.8, "drop_semantics": 0.2,
}  # fmt: skip


def _settings(name: str, record: type, changed: dict[str, Any], doc: str) -> Any:
    """Returns a config class with the fields of a model's dataclass that have a description, defaults changed."""
    hints = get_type_hints(record)
    offered: dict[str, Any] = {
        field.name: (hints[field.name], Field(changed.get(field.name, field.default), **field.metadata))
        for field in fields(record)
        if field.metadata
    }
    return create_model(name, __base__=StageConfig, __module__=__name__, __doc__=doc, **offered)


if TYPE_CHECKING:  # the classes made below, as a type checker sees them

    class MaskSettings(StageConfig, MaskConfig): ...

    class NetworkOptions(StageConfig, NetworkConfig): ...

    class _TrainingSettings(StageConfig, TrainingConfig): ...

else:
    MaskSettings = _settings("MaskSettings", MaskConfig, DEMO_MASKS, "What training masks and drops.")
    NetworkOptions = _settings(
        "NetworkOptions", NetworkConfig, {}, "What the paper leaves open about the network; a variant's switches win."
    )
    _TrainingSettings = _settings("_TrainingSettings", TrainingConfig, DEMO, "How the network is optimised.")


class TrainConfig(_TrainingSettings):
    """Which network is trained and how. Defaults are the demo's; the paper's are in `tasks/configs/paper.yaml`."""

    preset: str = Field("tiny", description="network preset", json_schema_extra={"enum": list(PRESETS)})
    variant: str = Field(
        "full",
        description="full, m-1, m-2, m-3 (SPEC M12), no-aa or mmaudio-s1 (SPEC G8): switches, masks and rows",
        json_schema_extra={"enum": list(VARIANTS)},
    )
    init_from: str | None = Field(
        None,
        description="weights to start from: an MMAudio checkpoint, a converted one, one of this project's, or builtin",
    )
    continue_from: str = Field(
        "last",
        description="when settings or data changed: last goes on from the workspace's last training, none starts at "
        "step 0; or the folder of a training (W/train/last/KEY), or a state in one",
    )
    device: Device = "auto"
    processes: int | None = Field(
        None, ge=1, description="training processes of this machine; empty: one per GPU, one on a CPU"
    )
    accept_cpu: bool = Field(False, description="train on a processor even if that takes more than a week")
    guidance_rescale: float = Field(
        1.0,
        ge=0,
        le=1,
        description="recorded in the checkpoint: how generation with it rescales guidance unless told otherwise "
        "(evaluate.sampling.guidance_rescale); 0: MMAudio's guidance",
    )
    sum_reference: SumReference = Field(
        "path",
        description="recorded in the checkpoint: how generation with it uses reference audio unless told otherwise "
        "(evaluate.sampling.sum_reference). start: added to the initial noise, as in the paper; path: noised in every "
        "step, as in training; never: as a condition only",
    )
    sample_every: int = Field(0, ge=0, description="steps between samples of fixed validation rows; 0: none")
    trackers: tuple[Literal["tensorboard", "wandb"], ...] = Field(
        ("tensorboard",), description="where rows and samples are shown; wandb needs foleygenex[wandb]"
    )
    masks: MaskSettings = MaskSettings()
    options: NetworkOptions = NetworkOptions()

    @field_validator("init_from", "continue_from")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        """A stored config is used from other folders."""
        if value in ("last", "none", BUILTIN):
            return value
        return str(Path(value).expanduser().absolute()) if value else None

    def training(self) -> TrainingConfig:
        """Returns the settings as the model's own record. Raises UsageError when they contradict each other."""
        values = {name: getattr(self, name) for name in _TrainingSettings.model_fields}
        return variant(self.variant).training_config(
            TrainingConfig(**values, masks=MaskConfig(**self.masks.model_dump()))
        )

    def network(self) -> NetworkConfig:
        """Returns the preset with the options' and the variant's switches. Raises UsageError for unknown names."""
        return variant(self.variant).network_config(replace(preset(self.preset), **self.options.model_dump()))
