"""How long training and generation take on one GPU and on several, for `foleygenex plan`."""

from __future__ import annotations

from typing import Final

from data_contracts import UsageError, WeightsError
from data_contracts.generation import CASE_GROUPS
from data_contracts.quantities import GPU_FLOPS, GPU_RATE, duration_text
from model.training.flops import forward_flops, training_flops
from tasks.config import PipelineConfig
from tasks.evaluate.adverbs import DIRECTIONS
from tasks.precompute.size import planned_specs

_SEVERAL: Final = 8  # as many as the paper has, where the config names one


def gpu_line(config: PipelineConfig, *, tflops: float | None = None) -> str:
    """Returns the hours of `train` and `generate` on one GPU and on as many as the config names.

    From the network's FLOPs, at `tflops` (1e12 per second that one GPU reaches; `benchmarks/gpu_check.py` measures it)
    or at the rate that `plan` assumes. Codec, encoders and judges come on top; several GPUs are taken to share evenly.
    """
    try:
        specs = planned_specs(config.precompute)
    except (UsageError, WeightsError):
        return "on GPUs      unknown: it depends on the features' sizes"
    network, clip_s = config.train.network(), config.precompute.clip_s
    work = {
        "train": training_flops(network, specs, clip_s) * config.train.batch_size * config.train.steps,
        "generate": forward_flops(network, specs, clip_s) * _forward_passes(config),
    }
    several = max(config.gpus, config.train.processes or 1)
    several = several if several > 1 else _SEVERAL
    rate = tflops * 1e12 if tflops else GPU_FLOPS
    said = f"at the given {tflops:g} TFLOP/s" if tflops else GPU_RATE
    parts = [
        f"{name} {duration_text(flops / rate)} on one, {duration_text(flops / rate / several)} on {several}"
        for name, flops in work.items()
    ]
    return f"on GPUs      {'; '.join(parts)} ({said})"


def _forward_passes(config: PipelineConfig) -> int:
    """Returns the most forward passes that `generate` needs: clips of every task, pairs of every adverb direction."""
    evaluate = config.evaluate
    clips = len(CASE_GROUPS) * evaluate.clips + 2 * len(DIRECTIONS) * evaluate.adverb_pairs
    guided = 2 if evaluate.cfg_scale > 1 else 1
    return clips * len(evaluate.checkpoints) * len(evaluate.noise_seeds) * evaluate.steps * guided
