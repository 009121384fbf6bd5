"""One training: reads features, writes a checkpoint and its metrics. An interrupted training continues.

It runs in one process, or in each process of `torchrun` or `accelerate launch` (`python -m tasks.commands.train`),
where only rank 0 writes files.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from data_contracts import TrainMetric, UsageError, to_json
from data_contracts.files import hash_file
from model.checkpoint import save_checkpoint
from model.config import NetworkConfig
from model.devices import choose_device, choose_precision
from model.features import FeatureStore
from model.presets import require_preset_codec
from model.training import Ranks, Trainer
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace, hash_text, read_json, write_json
from tasks.train.config import TrainConfig
from tasks.train.empty_text import empty_text
from tasks.train.samples import SampleWriter
from tasks.train.tensorboard import TensorBoardWriter

log = logging.getLogger(__name__)

STAGE: Final = "train"
VERSION: Final = 2
# Settings of how a training runs and what it logs; weights are equal up to the order of float sums.
_NOT_IN_RESULT: Final = {
    "log_every", "validate_every", "checkpoint_every", "keep_last", "sample_every", "tensorboard", "device", "compile",
    "gradient_checkpointing", "micro_batch", "explosion_loss", "explosion_factor", "init_from",
}  # fmt: skip

CHECKPOINT: Final = "checkpoint.safetensors"
RECORD: Final = "train.json"
"""Describes the checkpoint: its training's key, steps, losses, size and hash."""


def run_training(config: TrainConfig, workspace: Workspace, on_progress: OnProgress = silent) -> list[TrainMetric]:
    """Trains on the workspace's features up to `config.steps`, writes the checkpoint and returns the logged rows.

    An interrupted training continues at its last state; changed features or settings are another training, and what
    an earlier one wrote is kept beside its states (`states_folder`). Every rank of a
    launched run calls this. `on_progress` is called at each logged step, on rank 0. Raises ContractError (no features),
    MismatchError (a preset made for another codec), UsageError (settings), TrainingError (loss). SPEC T1-T4.
    """
    store = FeatureStore.open(workspace.path("precompute"))
    require_preset_codec(config.preset, store.specs.codec)
    ranks = Ranks.start(choose_device(config.device))
    key = training_key(config, store)
    trainer = _trainer(config, workspace, store, key, ranks)
    with ExitStack() as stack:
        callbacks = _row_callbacks(config, workspace, store, trainer, stack) if ranks.is_main else []
        for row in trainer.run():
            for callback in callbacks:
                callback(row)
            if ranks.is_main:
                on_progress(row.step, config.steps, progress_note(row))
    if ranks.is_main:
        _finish(config, workspace, trainer, key)
    ranks.wait()
    return trainer.metrics


def progress_note(row: TrainMetric) -> str:
    """Returns a logged row in one line, e.g. `loss 2.1012, validation 2.2003, 103.4 samples/s, MFU 31.2 %`."""
    parts = [f"loss {row.loss:.4f}"]
    parts += [] if row.val_loss is None else [f"validation {row.val_loss:.4f}"]
    parts += [f"{row.samples_per_s:.1f} samples/s"]
    parts += [] if row.mfu is None else [f"MFU {100 * row.mfu:.1f} %"]
    return ", ".join(parts)


def training_key(config: TrainConfig, store: FeatureStore) -> str:
    """Returns the hash of all that the trained weights depend on: features, rows, settings, code version."""
    settings = _settings_in_result(config)
    header = {"fields": store.header["fields"], "specs": store.specs.to_dict(), "clip_s": store.clip_s}
    rows = [row.to_dict() for row in store.rows]
    start = hash_file(_initial_file(config.init_from)) if config.init_from else ""
    return hash_text(STAGE, str(VERSION), to_json(settings), to_json(header), to_json(rows), start)


def _settings_in_result(config: TrainConfig) -> dict[str, Any]:
    """Returns the settings that the weights depend on; the precision is that of the computation, never `auto`."""
    settings = config.model_dump(mode="json", exclude=_NOT_IN_RESULT)
    return settings | {"precision": choose_precision(config.precision, choose_device(config.device))}


def checkpoint_path(workspace: Workspace) -> Path:
    """Returns the path of the trained weights."""
    return workspace.path(STAGE, CHECKPOINT)


def states_folder(workspace: Workspace, key: str) -> Path:
    """Returns the folder of a training's states and EMA snapshots.

    Its name has the training's key, so a state of other features or settings is never continued.
    """
    return workspace.path(STAGE, "last", key[:16])


def finished_key(workspace: Workspace) -> str:
    """Returns the key of the training that the workspace's checkpoint is from. Raises UsageError without one."""
    if not _record(workspace).exists():
        raise UsageError(f"{workspace.root} has no finished training; `foleygenex run train` makes one")
    return str(read_json(_record(workspace))["key"])


def _trainer(config: TrainConfig, workspace: Workspace, store: FeatureStore, key: str, ranks: Ranks) -> Trainer:
    folder = states_folder(workspace, key)
    if ranks.is_main:
        _set_aside(workspace, key)
    network, initial = config.network(), None
    if config.init_from:
        network, initial = _initial(config, store)
    empty = empty_text(store) if initial is None and network.absent == "learned" else None
    source = store.in_16_bits()
    trainer = Trainer(network, config.training(), source, folder, ranks=ranks, initial=initial, empty_text_LD=empty)
    if trainer.resume():
        log.info("training continues at step %d of %d", trainer.step, config.steps)
    if not trainer.plan.balanced:
        log.warning("all training rows are of one kind; batches cannot be 1:1 VTA:TTA")
    return trainer


def _initial(config: TrainConfig, store: FeatureStore) -> tuple[NetworkConfig, dict[str, Tensor]]:
    """Returns the network and the weights of `init_from`, its latent statistics included.

    Absent modalities stay what they were in that file (learned features in MMAudio's, else all-zero), so that training
    starts exactly at those weights. Raises when file, preset and features do not fit together.
    """
    from model.mmaudio import initial_weights, starting_config

    assert config.init_from is not None
    path = _initial_file(config.init_from)
    network = starting_config(path, config.network())
    return network, initial_weights(path, network, store.specs, seed=config.seed)


def _initial_file(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"train.init_from: {path} does not exist")
    return path


def _row_callbacks(
    config: TrainConfig, workspace: Workspace, store: FeatureStore, trainer: Trainer, stack: ExitStack
) -> list[Callable[[TrainMetric], None]]:
    """Returns what is called with each logged row: TensorBoard, and the writer of samples."""
    callbacks: list[Callable[[TrainMetric], None]] = []
    board: TensorBoardWriter | None = None
    if config.tensorboard:
        board = stack.enter_context(TensorBoardWriter.open(workspace.path(STAGE, "tensorboard"), trainer.step))
        callbacks.append(board.add_row)
    if config.sample_every:
        folder = workspace.path(STAGE, "samples")
        callbacks.append(SampleWriter.open(store, folder, trainer, every=config.sample_every, board=board).add_row)
    return callbacks


def _finish(config: TrainConfig, workspace: Workspace, trainer: Trainer, key: str) -> None:
    """Writes the checkpoint and its record."""
    source = trainer.source
    sha256 = save_checkpoint(
        checkpoint_path(workspace),
        trainer.averaged_weights(),
        network=trainer.network.config,
        specs=source.specs,
        clip_s=source.clip_s,
        step=trainer.step,
        training=_settings_in_result(config),
    )
    last = trainer.metrics[-1]
    record = {
        "key": key,
        "steps": trainer.step,
        "loss": last.loss,
        "val_loss": last.val_loss,
        "parameters": sum(value.numel() for value in trainer.network.parameters()),
        "checkpoint_sha256": sha256,
        "placeholders": source.specs.placeholders(),
        "balanced": trainer.plan.balanced,
    }
    write_json(_record(workspace), record)


def _record(workspace: Workspace) -> Path:
    return workspace.path(STAGE, RECORD)


def _set_aside(workspace: Workspace, key: str) -> None:
    """Moves the checkpoint and record of another training into its states folder: no training deletes another's work.

    The checkpoint of this training is written anew at its end.
    """
    record, checkpoint = _record(workspace), checkpoint_path(workspace)
    if record.exists() and (other := str(read_json(record)["key"])) != key:
        folder = states_folder(workspace, other)
        folder.mkdir(parents=True, exist_ok=True)
        for path in (checkpoint, record):
            if path.exists():
                path.replace(folder / path.name)
        log.warning("the checkpoint of the training before these settings is kept in %s", folder)
    record.unlink(missing_ok=True)
