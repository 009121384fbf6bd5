"""The codec's training run: resumable, and its averaged weights are written at intervals."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from data_contracts import UsageError
from data_contracts.files import atomic_path
from model.codec.weights_file import save_weights
from tasks.commands.own_training import average_decay, window_note
from tasks.commands.train_codec.config import CodecTrainConfig
from tasks.commands.train_codec.dac_vae import DACVAETrainer
from tasks.commands.train_codec.data import Segments
from tasks.commands.train_codec.mel_vae import MelVAETrainer
from tasks.commands.train_codec.trainer import Trainer
from tasks.engine.progress import OnProgress, silent

log = logging.getLogger(__name__)

_TRAINERS: Final[dict[str, Callable[[CodecTrainConfig], Trainer]]] = {
    "mel-vae": MelVAETrainer,
    "dac-vae": DACVAETrainer,
}


class _Run:
    """A trainer, the running average of its network, and the number of steps made."""

    def __init__(self, config: CodecTrainConfig) -> None:
        self.config = config
        self.trainer = _TRAINERS[config.kind](config)
        self.step = 0
        self.average: dict[str, Tensor] = {}

    def begin(self, segments: Segments, last: Path) -> None:
        """Continues from the state file, or makes the first weights. Raises UsageError for another run's state."""
        if last.is_file():
            self._resume(torch.load(last, map_location="cpu", weights_only=True), last)
        else:
            self.trainer.initialise(segments)
            self.average = {name: value.detach().clone() for name, value in self._weights().items()}

    def advance(self, real_BT: Tensor) -> dict[str, Tensor]:
        """Makes one step; returns its terms."""
        self.trainer.set_learning_rates(self.step, self.config.optimiser)
        terms = self.trainer.step(real_BT.to(self.config.device), self.step)
        self.step += 1
        decay = average_decay(self.step, self.config.ema_decay)
        for name, value in self._weights().items():
            self.average[name].lerp_(value, 1 - decay)
        return terms

    def save(self, path: Path) -> None:
        """Writes the state that a later run continues from."""
        state = {"kind": self.config.kind, "step": self.step, "average": self.average, **self.trainer.state()}
        with atomic_path(path) as temporary:
            torch.save(state, temporary)

    def publish(self, path: Path) -> None:
        """Writes the averaged weights as a codec."""
        training = {"step": self.step, "settings": self.config.model_dump(mode="json", exclude={"device"})}
        tensors = self.trainer.published(self.average)
        with atomic_path(path) as temporary:
            save_weights(
                temporary, tensors, self.trainer.sizes, name=self.config.name, placeholder=True, training=training
            )

    def _weights(self) -> dict[str, Tensor]:
        weights: dict[str, Tensor] = self.trainer.modules["network"].state_dict()
        return weights

    def _resume(self, state: dict[str, Any], path: Path) -> None:
        if state.get("kind") != self.config.kind:
            raise UsageError(
                f"{path} is the state of a {state.get('kind')} training, the settings ask for {self.config.kind}; "
                "choose another --out, or delete the file to start again"
            )
        try:
            self.trainer.load_state(state)
        except RuntimeError as error:
            raise UsageError(
                f"{path} is the state of a training with other sizes; choose another --out, or delete the file to "
                f"start again ({str(error).splitlines()[-1].strip()})"
            ) from error
        self.average = {name: value.to(self.config.device) for name, value in state["average"].items()}
        self.step = int(state["step"])
        log.info("codec training continues at step %d", self.step)


def run_codec_training(config: CodecTrainConfig, out_path: Path, on_progress: OnProgress = silent) -> Path:
    """Trains a codec and returns `out_path`, the safetensors file with the averaged weights (SPEC M2).

    Continues from `<out_path>.last.pt` when it exists. Snapshots replace `out_path` atomically at intervals.
    Raises TrainingError when the loss is not finite, UsageError when the state file is another run's.
    """
    run, steps = _Run(config), config.optimiser.steps
    segments = Segments.render(config, run.trainer.sizes.hop)
    last = out_path.with_suffix(".last.pt")
    run.begin(segments, last)
    window: list[dict[str, Tensor]] = []
    started = time.monotonic()
    while run.step < steps:
        window.append(run.advance(segments.batch(run.step)))
        if run.step % config.log_every == 0:
            note = window_note(window, (time.monotonic() - started) / len(window))
            log.info("codec step %d: %s", run.step, note)
            on_progress(run.step, steps, note)
            window, started = [], time.monotonic()
        if run.step % config.checkpoint_every == 0:
            run.save(last)
        if run.step % config.publish_every == 0:
            run.publish(out_path)
    run.publish(out_path)
    return out_path
