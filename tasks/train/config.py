"""Settings of training (SPEC T1-T4)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, field_validator

from model.config import PRESETS, Absent, MaskConfig, MaskKind, MaskSync, NetworkConfig, Pool, TrainingConfig, preset
from model.variants import VARIANTS, variant
from tasks.engine.settings import StageConfig

_OF_THE_JOB: Final = ("preset", "variant", "options", "device", "init_from", "sample_every", "tensorboard")


class MaskSettings(StageConfig):
    """What training hides and drops. Defaults are the demo's: short training must see the contexts of FE and AC-VTA.

    The paper: span_low 0.7, span_placement random, drop_semantics 0.
    """

    span_low: float = Field(0.5, gt=0, le=1, description="least share of frames to generate (SPEC M3: 0.7)")
    span_high: float = Field(1.0, gt=0, le=1, description="greatest share of frames to generate (SPEC M3: 1.0)")
    span_placement: Literal["random", "prefix", "mixed"] = Field(
        "mixed", description="where the span lies; prefix: the context is a prefix, as in generation"
    )
    drop_reference: float = Field(0.3, ge=0, le=1, description="chance of no reference audio (SPEC M5)")
    dropped_reference_mask: Literal["full", "span"] = Field("full", description="a dropped reference hides all frames")
    drop_clip: float = Field(0.1, ge=0, le=1, description="chance of no visual semantics (SPEC T2)")
    drop_sync: float = Field(0.1, ge=0, le=1, description="chance of no sync features (SPEC T2)")
    drop_text: float = Field(0.1, ge=0, le=1, description="chance of no text (SPEC T2)")
    drop_video: Literal["independent", "joint"] = Field("independent", description="joint: clip and sync together")
    drop_semantics: float = Field(0.1, ge=0, le=1, description="extra chance of neither clip nor text (AC-VTA)")


class NetworkOptions(StageConfig):
    """What the paper leaves open about the network (DESIGN section 6); a variant's own switches win."""

    mask_kind: MaskKind = Field("soft", description="hard: the resampled mask is thresholded at 0.5 (SPEC M7)")
    mask_sync: MaskSync = Field("projected", description="where sync features are hidden (SPEC M8)")
    pool: Pool = Field("all", description="clip tokens in the global condition; visible: without the hidden ones")
    absent: Absent = Field("zero", description="stands for an absent modality; learned: MMAudio's empty features")


class TrainConfig(StageConfig):
    """Defaults are the demo's; the paper's are in the `paper` config."""

    preset: str = Field("tiny", description="network preset", json_schema_extra={"enum": list(PRESETS)})
    variant: str = Field(
        "full",
        description="full, m-1, m-2, m-3 (SPEC M12) or mmaudio-s1 (SPEC G8): the network's switches and masks",
        json_schema_extra={"enum": list(VARIANTS)},
    )
    steps: int = Field(800, ge=1, description="optimiser steps (SPEC T1: 300,000)")
    batch_size: int = Field(16, ge=2, multiple_of=2, description="half VTA, half TTA (SPEC T4); the paper: 256")
    lr: float = Field(2e-3, gt=0, description="peak learning rate (MMAudio: 1e-4)")
    warmup_steps: int = Field(50, ge=0)
    schedule: Literal["constant", "cosine", "step"] = Field("cosine", description="after the warm-up (MMAudio: step)")
    hold_share: float = Field(0.3, ge=0, lt=1, description="cosine: share of the steps at the peak")
    final_lr_share: float = Field(0.1, ge=0, le=1, description="cosine: last rate over the peak")
    weight_decay: float = Field(1e-6, ge=0)
    grad_clip: float = Field(1.0, gt=0)
    time_location: float = Field(
        0.0, description="flow times are sigmoid(N(location, spread)); below 0 nearer to the noise (MMAudio: 0)"
    )
    time_spread: float = Field(1.0, gt=0, description="spread of the flow times before the sigmoid (MMAudio: 1)")
    milestones: tuple[float, ...] = Field((0.8, 0.9), description="step: shares of the steps at which it falls to 0.1")
    init_from: str | None = Field(
        None, description="weights to start from: an MMAudio checkpoint, a converted one or one of this project's"
    )
    ema_sigma_rel: float = Field(0.1, gt=0, lt=0.29, description="width of the published average (MMAudio: 0.05)")
    ema_sigmas: tuple[float, ...] = Field((0.05, 0.1), description="widths averaged while training; two or more")
    ema_snapshot_every: int = Field(400, ge=1, description="steps between snapshots of the averages (MMAudio: 5,000)")
    ema_keep: int = Field(64, ge=2, description="snapshots kept, evenly spaced, each of as many files as widths")
    precision: Literal["fp32", "bf16"] = Field("fp32", description="bf16 autocast, for GPUs")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: cuda where there is one")
    compile: bool | None = Field(None, description="torch.compile of the loss; empty: on a GPU")
    gradient_checkpointing: bool = Field(False, description="less memory, about a third more computing")
    micro_batch: int | None = Field(None, ge=2, multiple_of=2, description="rows per forward pass; empty: all at once")
    log_every: int = Field(10, ge=1)
    validate_every: int = Field(100, ge=1)
    checkpoint_every: int = Field(100, ge=1)
    keep_last: int = Field(2, ge=1, description="training states kept, each with weights, optimiser and averages")
    sample_every: int = Field(0, ge=0, description="steps between sample sounds of fixed val rows; 0: none")
    tensorboard: bool = Field(True, description="write train/tensorboard")
    explosion_loss: float = Field(50.0, gt=0, description="a loss above this stops the training")
    explosion_factor: float = Field(10.0, gt=1, description="so does one this many times the running median")
    seed: int = Field(14159265)
    masks: MaskSettings = MaskSettings()
    options: NetworkOptions = NetworkOptions()

    @field_validator("init_from")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        """A stored config is used from other folders."""
        return str(Path(value).expanduser().absolute()) if value else None

    def training(self) -> TrainingConfig:
        """Returns the settings as the model's own record. Raises UsageError when they contradict each other."""
        masks = self.masks.model_dump()
        share = (masks.pop("span_low"), masks.pop("span_high"))
        values = self.model_dump(exclude={"masks", *_OF_THE_JOB})
        mask_config = variant(self.variant).mask_config(MaskConfig(span_share=share, **masks))
        return TrainingConfig(**values, masks=mask_config)

    def network(self) -> NetworkConfig:
        """Returns the preset with the options' and the variant's switches. Raises UsageError for unknown names."""
        return variant(self.variant).network_config(replace(preset(self.preset), **self.options.model_dump()))
