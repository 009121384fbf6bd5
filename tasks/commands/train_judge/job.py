"""The training run of the judge `corpus-cnn`: resumable; its averaged weights are written with their accuracy."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from data_contracts.files import atomic_path
from model.judges.corpus_cnn import CorpusCNNJudge
from model.judges.corpus_cnn_file import JudgeHeader, save_judge
from tasks.commands.own_training import window_note
from tasks.commands.train_judge.accuracy import Share, held_out_accuracy
from tasks.commands.train_judge.batches import Batches
from tasks.commands.train_judge.config import JudgeTrainConfig
from tasks.commands.train_judge.sounds import CLASSES
from tasks.commands.train_judge.trainer import JudgeTrainer
from tasks.engine.progress import OnProgress, silent

log = logging.getLogger(__name__)


def run_judge_training(config: JudgeTrainConfig, out_path: Path, on_progress: OnProgress = silent) -> Path:
    """Trains the judge and returns `out_path`, the safetensors file with the averaged weights (SPEC E1, E2).

    Continues from `<out_path>.last.pt` when it exists. Raises TrainingError when the loss is not finite, UsageError
    when the state file is another run's.
    """
    trainer, batches = JudgeTrainer(config), Batches.draw(config)
    last = out_path.with_suffix(".last.pt")
    if last.is_file():
        trainer.resume(last)
        log.info("judge training continues at step %d", trainer.step)
    window: list[dict[str, Tensor]] = []
    started = time.monotonic()
    while trainer.step < config.steps:
        window.append(trainer.advance(batches.batch(trainer.step)))
        if trainer.step % config.log_every == 0:
            note = window_note(window, (time.monotonic() - started) / len(window))
            log.info("judge step %d: %s", trainer.step, note)
            on_progress(trainer.step, config.steps, note)
            window, started = [], time.monotonic()
        if trainer.step % config.checkpoint_every == 0:
            trainer.save(last)
    publish(trainer, out_path)
    publish(trainer, out_path, held_out_accuracy(CorpusCNNJudge.load(out_path), config))
    return out_path


def publish(trainer: JudgeTrainer, path: Path, accuracy: Sequence[Share] = ()) -> None:
    """Writes the averaged weights as a judge, with what is known of its accuracy."""
    settings: dict[str, Any] = trainer.config.model_dump(mode="json", exclude={"device"})
    header = JudgeHeader(
        name=trainer.config.name,
        config=trainer.sizes,
        classes=CLASSES,
        tensors_sha256="",
        training={
            "step": trainer.step,
            "settings": settings,
            "accuracy": {share.name: share.to_dict() for share in accuracy},
        },
    )
    with atomic_path(path) as temporary:
        save_judge(temporary, trainer.published(), header)
