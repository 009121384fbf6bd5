"""The training stage: features in, a checkpoint and its metrics out. Finished work is found, cut work continues."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch

from data_contracts import TrainMetric, UsageError, to_json, write_table
from model.checkpoint import save_checkpoint
from model.features import FeatureStore
from model.training import FeatureSource, Trainer
from tasks.train.config import TrainConfig
from tasks.workspace import Workspace, hash_file, hash_text, read_json, write_json

log = logging.getLogger(__name__)

STAGE: Final = "train"
VERSION: Final = 1
_NOT_IN_RESULT: Final = {"log_every", "validate_every", "checkpoint_every", "device"}

OnProgress = Callable[[TrainMetric, int], None]
"""Called with each logged row and the total of steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSummary:
    """What a training run ended with. `new_steps` counts the steps of this call: 0 when all was done before."""

    steps: int
    new_steps: int
    loss: float
    val_loss: float | None
    parameters: int
    checkpoint: str
    checkpoint_sha256: str
    stand_ins: list[str]
    balanced: bool

    def line(self) -> str:
        """Returns the one line a person reads."""
        val = "" if self.val_loss is None else f", validation {self.val_loss:.4f}"
        note = "" if self.balanced else "; the corpus has rows of one kind only, so batches were not 1:1 VTA:TTA"
        size = f"{self.parameters / 1e6:.1f} M parameters"
        return f"train: {self.steps} steps ({self.new_steps} now), loss {self.loss:.4f}{val}, {size}{note}"


def run_training(config: TrainConfig, workspace: Workspace, on_progress: OnProgress | None = None) -> TrainSummary:
    """Trains on the workspace's features up to `config.steps`; writes `train/checkpoint.safetensors` and the metrics.

    A finished run returns at once; a cut one continues exactly where its last state stands; changed features or
    settings start anew. Raises ContractError (no features), UsageError (settings), TrainingError (loss). SPEC T1-T4.
    """
    store = FeatureStore.open(workspace.path("precompute"))
    key = training_key(config, store)
    if (finished := _finished(workspace, key)) is not None:
        return finished
    device = choose_device(config.device)
    trainer = Trainer(config.network(), config.training(), store, _state_path(workspace, key), device=device)
    _marker(workspace).unlink(missing_ok=True)
    _remove_other_states(workspace, key)
    if trainer.resume():
        log.info("training continues at step %d of %d", trainer.step, config.steps)
    if not trainer.plan.balanced:
        log.warning("all training rows are of one kind; batches cannot be 1:1 VTA:TTA")
    started = trainer.step
    for row in trainer.run():
        if on_progress is not None:
            on_progress(row, config.steps)
    return _finish(config, workspace, store, trainer, key, started)


def is_finished(config: TrainConfig, workspace: Workspace) -> bool:
    """Says whether the checkpoint of exactly these features and settings is there, without training anything."""
    store = FeatureStore.open(workspace.path("precompute"))
    return _finished(workspace, training_key(config, store)) is not None


def training_key(config: TrainConfig, store: FeatureStore) -> str:
    """Returns the hash of all that the trained weights depend on: features, rows, settings, code version."""
    settings = config.model_dump(mode="json", exclude=_NOT_IN_RESULT)
    header = {"fields": store.header["fields"], "specs": store.specs.to_dict(), "clip_s": store.clip_s}
    rows = [row.to_dict() for row in store.rows]
    return hash_text(STAGE, str(VERSION), to_json(settings), to_json(header), to_json(rows))


def choose_device(name: str) -> torch.device:
    """Returns the device for `auto`, `cpu` or `cuda`. Raises UsageError when cuda is asked for and not there."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UsageError("device cuda: this machine has no usable GPU; set device to auto or cpu")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")


def checkpoint_path(workspace: Workspace) -> Path:
    """Returns where the trained weights stand."""
    return workspace.path(STAGE, "checkpoint.safetensors")


def _finish(
    config: TrainConfig, workspace: Workspace, source: FeatureSource, trainer: Trainer, key: str, started: int
) -> TrainSummary:
    path = checkpoint_path(workspace)
    sha256 = save_checkpoint(
        path,
        trainer.averaged_weights(),
        network=trainer.network.config,
        specs=source.specs,
        clip_s=source.clip_s,
        step=trainer.step,
        training=config.model_dump(mode="json", exclude=_NOT_IN_RESULT),
    )
    write_table(workspace.table(STAGE, TrainMetric.TABLE), TrainMetric, trainer.metrics)
    last = trainer.metrics[-1]
    summary = TrainSummary(
        steps=trainer.step,
        new_steps=trainer.step - started,
        loss=last.loss,
        val_loss=last.val_loss,
        parameters=sum(value.numel() for value in trainer.network.parameters()),
        checkpoint=workspace.relative(path),
        checkpoint_sha256=sha256,
        stand_ins=source.specs.stand_ins(),
        balanced=trainer.plan.balanced,
    )
    write_json(_marker(workspace), {"key": key, "summary": asdict(summary)})
    return summary


def _finished(workspace: Workspace, key: str) -> TrainSummary | None:
    marker, path = _marker(workspace), checkpoint_path(workspace)
    if not (marker.exists() and path.exists() and workspace.table(STAGE, TrainMetric.TABLE).exists()):
        return None
    content: dict[str, Any] = read_json(marker)
    if content["key"] != key or content["summary"]["checkpoint_sha256"] != hash_file(path):
        return None
    return TrainSummary(**{**content["summary"], "new_steps": 0})


def _marker(workspace: Workspace) -> Path:
    return workspace.path(STAGE, "train.json")


def _state_path(workspace: Workspace, key: str) -> Path:
    """The resume file carries its key in its name: a state of other features or settings is never continued."""
    return workspace.path(STAGE, "last", f"state-{key[:16]}.pt")


def _remove_other_states(workspace: Workspace, key: str) -> None:
    current = _state_path(workspace, key)
    for path in current.parent.glob("state-*.pt"):
        if path != current:
            path.unlink()
