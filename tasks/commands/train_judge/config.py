"""Settings of the training of the judge `corpus-cnn`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from model.judges import JUDGES
from model.judges.corpus_cnn_file import NAME
from tasks.engine.settings import Device, StageConfig

Seconds = Annotated[float, Field(ge=0.5, le=8.0)]
"""Length of a crop: at least what the judge takes, at most a scene."""


class JudgeTrainConfig(StageConfig):
    """The defaults made the shipped `corpus-cnn`, on one CPU core."""

    name: str = Field(NAME, min_length=1, description="name in the weights' header")
    width: int = Field(24, ge=2, description="channels of the first layer")
    frame_dim: int = Field(256, ge=4, description="channels per frame before the pooling")
    embedding_dim: int = Field(128, ge=2, description="numbers of an embedding")
    steps: int = Field(600, ge=1, description="optimiser steps, also those of the learning rate's cosine")
    object_pairs: int = Field(12, ge=1, description="objects per step, two scenes of each")
    general_sounds: int = Field(8, ge=0, description="procedural general sounds per step")
    lengths_s: tuple[Seconds, ...] = Field(
        (2.0, 4.0, 8.0), min_length=1, description="lengths of the crops, one per step, in turn"
    )
    lr: float = Field(2e-3, gt=0, description="peak learning rate, cosine to a fiftieth")
    warmup_steps: int = Field(100, ge=0, description="steps in which the rate rises from zero to its peak")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's weight decay")
    grad_clip: float = Field(5.0, gt=0, description="largest global norm of the gradients")
    contrast_weight: float = Field(0.5, ge=0, description="weight of telling objects apart (supervised contrastive)")
    temperature: float = Field(0.1, gt=0, description="temperature of the contrastive loss")
    event_weight: float = Field(2.0, ge=0, description="weight of the events' Poisson likelihood")
    count_weight: float = Field(0.5, ge=0, description="weight of the count's error, in units of what is allowed")
    pitch_weight: float = Field(0.3, ge=0, description="weight of the pitch bands' cross entropy")
    distance_weight: float = Field(0.5, ge=0, description="weight of the distance's squared error, in octaves")
    ema_decay: float = Field(0.998, ge=0, lt=1, description="decay of the averaged weights, which are published")
    corpus_scenes: int = Field(12_000, ge=24, description="scenes that are drawn from, half of them with video")
    corpus_seed: int = Field(880_301, description="another one than the demo's and the codec's")
    test_scenes: int = Field(600, ge=0, description="scenes of other objects that the accuracy is measured on")
    checkpoint_every: int = Field(100, ge=1, description="steps between resumable checkpoints")
    log_every: int = Field(50, ge=1, description="steps between lines of the log")
    seed: int = Field(20_260_614, description="seed of weights and batches")
    precision: Literal["fp32", "bf16"] = Field("bf16", description="of the products; bf16 is slow on old CPUs")
    device: Device = "cpu"

    @field_validator("name")
    @classmethod
    def _own(cls, name: str) -> str:
        """Metrics carry the judge's name, so no judge may carry another one's."""
        if name != NAME and name in JUDGES:
            raise ValueError(f"{name} is another judge; choose a name of your own")
        return name
