"""The train step: a checkpoint and its metrics. A finished training is found, a cut one continues (SPEC T1-T4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from data_contracts import Row, TrainMetric
from model.features import FeatureStore
from tasks.engine import SingleItemStage
from tasks.engine.workspace import Workspace
from tasks.train.config import TrainConfig
from tasks.train.job import VERSION, run_training, training_key
from tasks.train.launch import launch_training, processes_of
from tasks.train.places import CHECKPOINT, RECORD, STAGE, read_record, record_path


@dataclass(frozen=True, kw_only=True)
class TrainStage(SingleItemStage):
    """Trains on the workspace's features; continues from its own states, which it writes at intervals."""

    config: TrainConfig
    name: ClassVar[str] = STAGE
    version: ClassVar[int] = VERSION
    row_type: ClassVar[type[Row]] = TrainMetric

    def settings(self) -> dict[str, Any]:
        """Returns nothing: the settings are part of the training's key."""
        return {}

    def payload(self, workspace: Workspace) -> dict[str, Any]:
        """Returns the training's key. Raises ContractError when the features have not been computed."""
        return {"key": training_key(self.config, FeatureStore.open(workspace.path("precompute")), workspace)}

    def make(self, workspace: Workspace) -> list[TrainMetric]:
        """Trains, in this process or in several, and returns the logged rows."""
        processes = processes_of(self.config)
        if processes > 1:
            return launch_training(self.config, workspace, processes, self.on_progress)
        return run_training(self.config, workspace, self.on_progress)

    def outputs(self, workspace: Workspace) -> dict[str, str | None]:
        """Names the checkpoint and the record of its training."""
        return {CHECKPOINT: read_record(record_path(workspace))["checkpoint_sha256"], RECORD: None}

    def on_finished(self, workspace: Workspace) -> str:
        """Returns e.g. `30 steps, loss 2.1012, validation 2.2003, 1.2 M parameters`."""
        record = read_record(record_path(workspace))
        val = "" if record["val_loss"] is None else f", validation {record['val_loss']:.4f}"
        history = record["history"]
        went_on = f", continued at step {history[-1]['from_step']:,}" if len(history) > 1 else ""
        skipped = sum(segment["skipped"] for segment in history)
        went_on += f", {skipped} skipped (not finite)" if skipped else ""
        note = "" if record["balanced"] else "; the corpus has rows of one kind only, so batches were not 1:1 VTA:TTA"
        size = f"{record['parameters'] / 1e6:.1f} M parameters"
        return f"{record['steps']} steps{went_on}, loss {record['loss']:.4f}{val}, {size}{note}"
