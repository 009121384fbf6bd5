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

from data_contracts import TrainingError, TrainMetric, UsageError, to_json
from data_contracts.files import hash_file
from model.checkpoint import checkpoint_file, save_checkpoint
from model.config import NetworkConfig
from model.devices import choose_device, choose_precision
from model.features import FeatureStore
from model.generate import Sampling
from model.presets import require_preset_codec
from model.training import Ranks, Trainer
from model.training.state import state_files
from model.training.stop import StopSignals
from tasks.engine.choices import Choice, keep, read_choices, with_choice
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace, hash_text, write_json
from tasks.train.config import TrainConfig
from tasks.train.continuation import changes_text, describe, latest_training, prepare, require_start
from tasks.train.cpu import require_affordable
from tasks.train.empty_text import empty_text
from tasks.train.live import LiveTable
from tasks.train.places import STAGE, checkpoint_path, known_key, record_path, set_aside, states_folder
from tasks.train.provenance import rendered_share
from tasks.train.samples import SampleWriter
from tasks.train.trackers import open_trackers, require_trackers

log = logging.getLogger(__name__)

VERSION: Final = 3
"""Of what the stage writes."""
_WEIGHTS_VERSION: Final = 2  # raised when the code changes the weights that equal settings and data give
# Settings of how a training runs and what it logs; weights are equal up to the order of float sums.
_NOT_IN_RESULT: Final = {
    "log_every", "validate_every", "checkpoint_every", "keep_last", "sample_every", "trackers", "device", "processes",
    "accept_cpu", "compile", "gradient_checkpointing", "micro_batch", "explosion_loss", "explosion_factor",
    "skip_nonfinite", "init_from", "continue_from", "continue_steps",
}  # fmt: skip


def run_training(config: TrainConfig, workspace: Workspace, on_progress: OnProgress = silent) -> list[TrainMetric]:
    """Trains on the workspace's features up to the last step, writes the checkpoint and returns the logged rows.

    An interrupted training continues at its last state. With other features or settings it goes on from the one before
    or starts anew (`continue_from`); what an earlier one wrote is kept beside its states (`states_folder`). SIGTERM and
    SIGINT write a state first. Every rank of a launched run calls this; `on_progress` is called at each step of rank 0.
    Raises ContractError (no features), MismatchError (a preset made for another codec), UsageError (settings),
    TrainingError (loss). SPEC T1-T4.
    """
    store = FeatureStore.open(workspace.path("precompute"))
    require_preset_codec(config.preset, store.specs.codec)
    require_trackers(config)
    ranks = Ranks.start(choose_device(config.device))
    key = training_key(config, store, workspace)
    config = _with_precision(config, workspace, ranks)
    if ranks.device.type == "cpu":
        done = state_files(states_folder(workspace, key))
        require_affordable(config, store, processes=ranks.size, step=done[-1][0] if done else 0)
    trainer = _trainer(config, workspace, store, key, ranks)
    with StopSignals(impatient=ranks.size == 1) as stop:
        trainer.should_stop = stop
        _train(config, workspace, store, trainer, on_progress)
    if trainer.stopped:  # the signal was another rank's, or is ignored
        raise TrainingError(f"training was stopped at step {trainer.step}; the same command continues there")
    if ranks.is_main:
        _finish(config, workspace, trainer, key)
    ranks.wait()
    return trainer.metrics


def _train(
    config: TrainConfig, workspace: Workspace, store: FeatureStore, trainer: Trainer, on_progress: OnProgress
) -> None:
    """Runs the trainer to its end or to a signal; shows its progress and rows on rank 0."""
    if not trainer.ranks.is_main:
        for _ in trainer.run():
            pass
        return
    note = ""

    def show(step: int) -> None:
        on_progress(step, trainer.last_step, note)

    trainer.on_step = show
    with ExitStack() as stack:
        callbacks = _row_callbacks(config, workspace, store, trainer, stack)
        for row in trainer.run():
            note = progress_note(row)
            show(row.step)
            for callback in callbacks:
                callback(row)
    if trainer.stopped:
        log.warning("training is stopped at step %d; the same command continues there", trainer.step)


def progress_note(row: TrainMetric) -> str:
    """Returns a logged row in one line, e.g. `loss 2.1012, validation 2.2003, 103.4 samples/s, MFU 31.2 %`."""
    parts = [f"loss {row.loss:.4f}"]
    parts += [] if row.val_loss is None else [f"validation {row.val_loss:.4f}"]
    parts += [f"{row.samples_per_s:.1f} samples/s"]
    parts += [] if row.mfu is None else [f"MFU {100 * row.mfu:.1f} %"]
    return ", ".join(parts)


def training_key(config: TrainConfig, store: FeatureStore, workspace: Workspace) -> str:
    """Returns the hash of all that the trained weights depend on: features, rows, settings, code version.

    A training that goes on from another one has another key than one from step 0 with the same settings and data. With
    `continue_from: last` the one that the workspace has counts; where it has neither, it goes on if there is a training
    to go on from.
    """
    header = {"fields": store.header["fields"], "specs": store.specs.to_dict(), "clip_s": store.clip_s}
    rows = [row.to_dict() for row in store.rows]
    parts = (STAGE, str(_WEIGHTS_VERSION), to_json(_settings(config)), to_json(header), to_json(rows))
    anew, further = (hash_text(*parts, _start_hash(config) + origin) for origin in ("", " from last"))
    if config.continue_from == "none":
        return anew
    if config.continue_from != "last":
        return hash_text(*parts, f"{_start_hash(config)} from {config.continue_from}")
    for key in (anew, further):
        if state_files(states_folder(workspace, key)) or known_key(workspace) == key:
            return key
    return further if latest_training(states_folder(workspace, anew).parent) else anew


def _settings(config: TrainConfig) -> dict[str, Any]:
    """Returns the settings that the weights depend on, as written: `auto` stays `auto`, whatever the machine."""
    return config.model_dump(mode="json", exclude=_NOT_IN_RESULT)


def _with_precision(config: TrainConfig, workspace: Workspace, ranks: Ranks) -> TrainConfig:
    """Returns the settings with the precision that is computed in: for `auto`, that of the workspace's first training.

    So a training that goes on on another machine keeps its precision.
    """
    if config.precision != "auto":
        return config

    def choose() -> Choice:
        return Choice(
            value=choose_precision("auto", ranks.device), reason=f"the first training computed on {ranks.device.type}"
        )

    if ranks.is_main:
        kept = keep(workspace, "train.precision", choose)
    else:
        kept = read_choices(workspace).get("train.precision", choose()).value
    return with_choice(config, "train", "precision", kept)


def _start_hash(config: TrainConfig) -> str:
    return hash_file(_initial_file(config.init_from)) if config.init_from else ""


def _trainer(config: TrainConfig, workspace: Workspace, store: FeatureStore, key: str, ranks: Ranks) -> Trainer:
    folder = states_folder(workspace, key)
    described = describe(config, store, _settings(config), _start_hash(config))
    took_over = prepare(config.continue_from, folder, described) if ranks.is_main else ""
    network, initial = config.network(), None
    if config.init_from:
        network, initial = _initial(config, store)
    empty = empty_text(store) if initial is None and network.absent == "learned" else None
    trainer = Trainer(
        network,
        config.training(),
        store.in_16_bits(),
        folder,
        ranks=ranks,
        initial=initial,
        empty_text_LD=empty,
        segment=described.segment,
    )
    if trainer.resume():
        log.info("training continues at step %d of %d", trainer.step, trainer.last_step)
        if took_over:
            log.warning("%s", changes_text(trainer.history, trainer.last_step))
    elif ranks.is_main:
        require_start(folder)
        log.info("training starts at step 0 of %d", trainer.last_step)
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
    path = checkpoint_file(Path(name))
    if not path.is_file():
        raise UsageError(f"train.init_from: {path} does not exist")
    return path


def _row_callbacks(
    config: TrainConfig, workspace: Workspace, store: FeatureStore, trainer: Trainer, stack: ExitStack
) -> list[Callable[[TrainMetric], None]]:
    """Returns what is called with each logged row: the table, the trackers, and the writer of samples."""
    folder, key, used = workspace.stage(STAGE), trainer.folder.name, _settings(config)
    table = LiveTable(workspace.table(STAGE, TrainMetric.TABLE), trainer.metrics)
    trackers = open_trackers(
        config, folder, run=workspace.root.name, key=key, settings=used, step=trainer.step, stack=stack
    )
    callbacks: list[Callable[[TrainMetric], None]] = [table.add_row, *(tracker.add_row for tracker in trackers)]
    if config.sample_every:
        samples = SampleWriter.open(
            store,
            folder / "samples" / key,
            trainer,
            every=config.sample_every,
            trackers=trackers,
            sampling=Sampling(guidance_rescale=config.guidance_rescale, sum_reference=config.sum_reference),
        )
        callbacks.append(samples.add_row)
    return callbacks


def _finish(config: TrainConfig, workspace: Workspace, trainer: Trainer, key: str) -> None:
    """Writes the checkpoint and its record; those of the training before are kept in its folder."""
    set_aside(workspace, key)
    source, history = trainer.source, [segment.to_dict() for segment in trainer.history]
    sha256 = save_checkpoint(
        checkpoint_path(workspace),
        trainer.averaged_weights(),
        network=trainer.network.config,
        specs=source.specs,
        clip_s=source.clip_s,
        step=trainer.step,
        training=_settings(config) | {"rendered_share": rendered_share(workspace)},
        history=history,
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
        "history": history,
    }
    write_json(record_path(workspace), record)
