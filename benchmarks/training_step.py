"""What one optimiser step costs: `python -m benchmarks.training_step --preset small --batch 4`.

The whole step of `model.training.Trainer` (batch, forward, backward, clipping, AdamW, two averages) on random features
of the paper's sizes (`model.paper_specs`), or with `--features demo` of the demo's. One line per combination of the
switches: seconds, steps/s, samples/s, MFU where the device's peak is known, memory, and the step as a multiple of a
plain matmul of equal FLOPs timed beside it (on a CPU also in processor seconds, which other work on the machine
disturbs less; steadiest with OMP_NUM_THREADS=1).
On one GPU: `python -m benchmarks.training_step --preset large_44k --batch 16 --compile on off --precision bf16`.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from data_contracts import FeatureRow
from model.config import PRESETS, TrainingConfig, preset
from model.paper_specs import CODECS, paper_specs
from model.specs import FeatureSpecs
from model.training import Ranks, Trainer
from model.training.flops import matmul_speed, peak_flops, synchronised, training_flops
from model.training.interval import peak_memory_gib
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.size import planned_specs

CLIP_S = 8.0


class RandomFeatures:
    """A feature source without files: `rows` rows, half with video."""

    def __init__(self, specs: FeatureSpecs, count: int) -> None:
        self.specs, self.clip_s = specs, CLIP_S
        self.rows = [
            FeatureRow(
                item_id=f"row-{n}", subset="vta" if n % 2 else "tta", split="train", latent_row=n,
                video_row=n if n % 2 else None, text_rows=(n,), duration_s=CLIP_S, truth_peak=1.0,
            )
            for n in range(count)
        ]  # fmt: skip
        self._generator = torch.Generator().manual_seed(0)

    def latent_stats(self) -> tuple[Tensor, Tensor]:
        channels = self.specs.codec.latent_dim
        return torch.zeros(channels), torch.ones(channels)

    def latents(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        mean = self._random(rows, self.specs.codec.frames(CLIP_S), self.specs.codec.latent_dim)
        return mean, torch.full_like(mean, 0.05)

    def clip(self, rows: Sequence[int]) -> Tensor:
        return self._random(rows, self.specs.clip.length(CLIP_S), self.specs.clip.dim)

    def sync(self, rows: Sequence[int]) -> Tensor:
        return self._random(rows, self.specs.sync.length(CLIP_S), self.specs.sync.dim)

    def text(self, rows: Sequence[int]) -> Tensor:
        return self._random(rows, self.specs.text.tokens, self.specs.text.dim)

    def _random(self, rows: Sequence[int], length: int, dim: int) -> Tensor:
        return torch.randn(len(rows), length, dim, generator=self._generator)


def device_here() -> torch.device:
    """Returns the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCost:
    """A step's median time, MFU where the device's peak is known, memory, and its time over a matmul of equal FLOPs."""

    seconds: float
    samples_per_s: float
    mfu: float | None
    memory_gib: float
    ratio: float
    processor_ratio: float
    flops: float


def measure(
    options: argparse.Namespace, compiled: bool, checkpointing: bool, precision: str, device: torch.device
) -> StepCost:
    """Returns the cost of one combination: the median of `steps` steps after one that compiles and warms up."""
    specs, network = specs_of(options), preset(options.preset)
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_of(options, Path(folder), device, compiled, checkpointing, precision)
        trainer._train_step()
        times, processor = [], []
        for _ in range(options.steps):
            started, used = synchronised(device), time.process_time()
            trainer._train_step()
            times.append(synchronised(device) - started)
            processor.append(time.process_time() - used)
    seconds = median(times)
    flops = training_flops(network, specs, CLIP_S) * options.batch
    peak = peak_flops(device, bf16=precision == "bf16")
    plain = matmul_speed(device, torch.bfloat16 if precision == "bf16" else torch.float32)
    return StepCost(
        seconds=seconds,
        samples_per_s=options.batch / seconds,
        mfu=None if peak is None else flops / seconds / peak,
        memory_gib=peak_memory_gib(device),
        ratio=seconds * plain.per_s / flops,
        processor_ratio=median(processor) * plain.per_cpu_s / flops,
        flops=flops,
    )


def specs_of(options: argparse.Namespace) -> FeatureSpecs:
    """Returns the features' sizes: the paper's encoders with a codec of the options, or the demo's."""
    return planned_specs(PrecomputeConfig()) if options.features == "demo" else paper_specs(options.codec)


def trainer_of(
    options: argparse.Namespace,
    folder: Path,
    device: torch.device,
    compiled: bool,
    checkpointing: bool,
    precision: str,
    ranks: Ranks | None = None,
) -> Trainer:
    """Returns a trainer on random features that neither logs nor saves. Options: those of the command."""
    config = TrainingConfig(
        steps=options.steps + 1,
        batch_size=options.batch,
        micro_batch=options.micro_batch,
        precision=precision,  # type: ignore[arg-type]  # argparse checks the choice
        compile=compiled,
        gradient_checkpointing=checkpointing,
        log_every=10**9,
        validate_every=10**9,
        checkpoint_every=10**9,
        ema_snapshot_every=10**9,
    )
    features = RandomFeatures(specs_of(options), 4 * options.batch)
    return Trainer(preset(options.preset), config, features, folder, device=device, ranks=ranks)


def line(options: argparse.Namespace, compiled: bool, checkpointing: bool, precision: str) -> str:
    """Returns the line of one combination."""
    device = device_here()
    cost = measure(options, compiled, checkpointing, precision, device)
    ratio = f"{cost.ratio:5.2f}"
    if device.type == "cpu":
        ratio += f" ({cost.processor_ratio:.2f} in processor seconds)"
    mfu = "unknown" if cost.mfu is None else f"{cost.mfu:.1%}"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    return (
        f"{options.preset:<10} {options.features} features, batch {options.batch:<4} {precision} "
        f"compile {'on ' if compiled else 'off'} "
        f"checkpointing {'on ' if checkpointing else 'off'} | step {cost.seconds:8.3f} s  "
        f"{1 / cost.seconds:7.3f} it/s  {cost.samples_per_s:8.2f} samples/s  MFU {mfu}"
        f"  memory {cost.memory_gib:6.2f} GiB  {ratio} x a matmul of {cost.flops / 1e12:.2f} TFLOP"
        f"  [{name}]"
    )


def main() -> None:
    """Prints a line per combination of the switches given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="small", choices=sorted(PRESETS))
    parser.add_argument("--batch", type=int, default=4, help="rows per step, even")
    parser.add_argument("--micro-batch", type=int, default=None, help="rows per forward pass")
    parser.add_argument("--steps", type=int, default=3, help="timed steps, after one to warm up")
    parser.add_argument("--features", default="paper", choices=("paper", "demo"), help="sizes of the features")
    parser.add_argument("--codec", default="mmaudio-44k", choices=sorted(CODECS), help="with the paper's features")
    for name in ("compile", "checkpointing"):
        parser.add_argument(f"--{name}", nargs="*", default=["off"], choices=["on", "off"], help="alone: on")
    parser.add_argument("--precision", nargs="+", default=None, choices=["fp32", "bf16"], help="default: bf16 on a GPU")
    options = parser.parse_args()
    precisions = options.precision or (["bf16"] if torch.cuda.is_available() else ["fp32"])
    for compiled, checkpointing, precision in itertools.product(
        options.compile or ["on"], options.checkpointing or ["on"], precisions
    ):
        print(line(options, compiled == "on", checkpointing == "on", precision), flush=True)


if __name__ == "__main__":
    main()
