"""The codec's training run: resumable, and its averaged weights are written at intervals.

Legend: B segments, T samples, F latent channels, N latent frames.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data_contracts import TrainingError
from data_contracts.files import atomic_path
from model.codec.network import DACVAE, DACVAEConfig
from model.codec.weights_file import save_weights
from tasks.commands.train_codec.config import CodecTrainConfig
from tasks.commands.train_codec.data import Segments
from tasks.commands.train_codec.losses import codec_losses
from tasks.commands.train_codec.start import scale_by_data
from tasks.engine.progress import OnProgress, silent

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    """The state of a training, as saved for a resume."""

    network: DACVAE
    average: dict[str, Tensor]
    optimiser: torch.optim.Optimizer
    step: int = 0


def run_codec_training(config: CodecTrainConfig, out_path: Path, on_progress: OnProgress = silent) -> Path:
    """Trains the codec and returns `out_path`, the safetensors file with the averaged weights (SPEC M2).

    Continues from `<out_path>.last.pt` when it exists. Snapshots replace `out_path` atomically at intervals.
    Raises TrainingError when the loss is not finite.
    """
    sizes = codec_sizes(config)
    segments = Segments.render(config, sizes.hop)
    run = _start(config, sizes, segments)
    last = out_path.with_suffix(".last.pt")
    _resume(run, last)
    window, started = [], time.monotonic()
    while run.step < config.steps:
        window.append(_step(run, segments, config, sizes.sample_rate_hz))
        if run.step % config.log_every == 0:
            note = _note(window, (time.monotonic() - started) / len(window))
            log.info("codec step %d: %s", run.step, note)
            on_progress(run.step, config.steps, note)
            window, started = [], time.monotonic()
        if run.step % config.checkpoint_every == 0:
            _save_checkpoint(run, last)
        if run.step % config.publish_every == 0:
            _publish(run, config, sizes, out_path)
    _publish(run, config, sizes, out_path)
    return out_path


def codec_sizes(config: CodecTrainConfig) -> DACVAEConfig:
    """Returns the network's sizes for a training config."""
    return DACVAEConfig(encoder_dim=config.encoder_dim, decoder_dim=config.decoder_dim, latent_dim=config.latent_dim)


def _start(config: CodecTrainConfig, sizes: DACVAEConfig, segments: Segments) -> _Run:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = DACVAE(sizes)
    scale_by_data(network, torch.cat([segments.batch(-1 - index) for index in range(8)]))
    network.to(config.device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.lr, betas=(0.8, 0.99), weight_decay=1e-4, fused=True)
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    return _Run(network, average, optimiser)


def _step(run: _Run, segments: Segments, config: CodecTrainConfig, rate_hz: int) -> Tensor:
    """One optimiser step; returns (mel, spectral, snr_db, kl, grad_norm)."""
    for group in run.optimiser.param_groups:
        group["lr"] = codec_learning_rate(run.step, config)
    real_BT = segments.batch(run.step).to(config.device)
    noise = torch.Generator().manual_seed(config.seed + run.step)
    mean_BFN, logvar_BFN = run.network.moments(real_BT)
    draw_BFN = torch.randn(mean_BFN.shape, generator=noise).to(mean_BFN.device)
    made_BT = run.network.synthesise(mean_BFN + torch.exp(0.5 * logvar_BFN) * draw_BFN)
    terms = codec_losses(real_BT, made_BT, mean_BFN, logvar_BFN, rate_hz)
    loss = (
        terms.mel
        + config.spectral_weight * terms.spectral
        - config.wave_weight * terms.snr_db
        + config.kl_weight * terms.kl
    )
    if not torch.isfinite(loss):
        raise TrainingError(f"codec training: the loss is {loss.item()} at step {run.step}; lower train_codec.lr")
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(run.network.parameters(), config.grad_clip)
    run.optimiser.step()
    run.step += 1
    _average(run, config)
    return torch.stack([terms.mel, terms.spectral, terms.snr_db, terms.kl, norm]).detach()


@torch.no_grad()
def _average(run: _Run, config: CodecTrainConfig) -> None:
    decay = min(config.ema_decay, (1 + run.step) / (10 + run.step))  # so that early steps have little weight
    for name, value in run.network.state_dict().items():
        run.average[name].lerp_(value, 1 - decay)


def codec_learning_rate(step: int, config: CodecTrainConfig) -> float:
    """Returns the rate of a step: a linear warm-up, then a cosine to a twentieth of the peak."""
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    return config.lr * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / config.steps))))


def _note(window: list[Tensor], seconds: float) -> str:
    """Returns the means over logged steps: log10 mel distance, relative distance, SNR, KL per frame, gradient norm."""
    mel, spectral, snr, kl, norm = torch.stack(window).mean(0).tolist()
    return (
        f"mel {mel:.4f}, spectral {spectral:.4f}, snr {snr:.2f} dB, kl {kl:.2f}, gradient {norm:.3g}, "
        f"{seconds:.2f} s/step"
    )


def _save_checkpoint(run: _Run, path: Path) -> None:
    state = {
        "network": run.network.state_dict(),
        "average": run.average,
        "optimiser": run.optimiser.state_dict(),
        "step": run.step,
    }
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def _resume(run: _Run, path: Path) -> None:
    if not path.is_file():
        return
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    run.network.load_state_dict(state["network"], strict=True)
    run.optimiser.load_state_dict(state["optimiser"])
    for name, value in state["average"].items():
        run.average[name].copy_(value)
    run.step = int(state["step"])
    log.info("codec training continues at step %d", run.step)


def _publish(run: _Run, config: CodecTrainConfig, sizes: DACVAEConfig, path: Path) -> None:
    training = {"step": run.step, "settings": config.model_dump(mode="json", exclude={"device"})}
    with atomic_path(path) as temporary:
        save_weights(temporary, run.average, sizes, name=config.name, placeholder=True, training=training)
