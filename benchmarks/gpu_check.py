"""One check of a machine's GPUs, in under eight minutes: `python -m benchmarks.gpu_check [--out gpu_check.json]`.

Runs a training step (fp32, bf16, compiled, with gradient checkpointing), sampling (fp32, bf16), a step over all GPUs by
DDP, and prints one table with driver and versions; `--out` writes it as JSON too. Each part is a process of its own
with a time limit, so that an error or a hang is a row of the table and the next part runs.

`--device cpu --quick` runs the same parts with the smallest network in this process (DDP: two processes over gloo):
that shows that the script works, not how fast anything is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks import sampling, training_step
from model.devices import choose_device
from model.training import Ranks
from model.training.flops import synchronised

LIMIT_S: Final = 460.0  # of the whole check
PART_LIMIT_S: Final = 150.0  # compiling the largest network takes a minute or two
Result = dict[str, float | str | None]


def options_for(quick: bool) -> argparse.Namespace:
    """Returns sizes: the paper's network on a GPU, the smallest one for a quick check."""
    if quick:
        return argparse.Namespace(
            preset="tiny", features="paper", codec="mmaudio-16k", batch=2, micro_batch=None, steps=1, flow_steps=1
        )
    return argparse.Namespace(
        preset="large_44k", features="paper", codec="mmaudio-44k", batch=16, micro_batch=None, steps=5, flow_steps=25
    )


def step_part(precision: str, *, compiled: bool = False, checkpointing: bool = False) -> Callable[..., Result]:
    """Returns a part that measures a training step."""

    def part(options: argparse.Namespace, device: torch.device, *, quick: bool) -> Result:
        if quick and compiled:
            return {"note": "not compiled: a quick check runs no compiler"}
        cost = training_step.measure(options, compiled, checkpointing, precision, device)
        result: Result = {"seconds": cost.seconds, "samples_per_s": cost.samples_per_s, "mfu": cost.mfu}
        return {**result, "memory_gib": cost.memory_gib, "times_matmul": cost.ratio}

    return part


def sampling_part(precision: str, *, compiled: bool = False) -> Callable[..., Result]:
    """Returns a part that measures sampling one sound of eight seconds."""

    def part(options: argparse.Namespace, device: torch.device, *, quick: bool) -> Result:
        if quick and compiled:
            return {"note": "not compiled: a quick check runs no compiler"}
        seconds, repeat = (1.0, 1) if quick else (8.0, 2)
        made = sampling.generator_on(device, options.preset, precision, compiled=compiled)
        taken = sampling.sampling_s(made, device, 1, steps=options.flow_steps, seconds=seconds, repeat=repeat)
        flops = sampling.flops_per_sound(options.preset, options.flow_steps, seconds)
        return {"seconds": taken, "times_matmul": taken / sampling.floor_s(flops, device, precision, repeat)}

    return part


def ddp_part(_: argparse.Namespace, device: torch.device, *, quick: bool) -> Result:
    """Runs steps in one process per GPU, on a CPU in two, and compares the ranks' weights after them."""
    processes = torch.cuda.device_count() if device.type == "cuda" else 2
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += ["-m", "benchmarks.gpu_check", "--worker", "--device", device.type, *(["--quick"] if quick else [])]
    return _last_json(command, PART_LIMIT_S)


def ddp_worker(options: argparse.Namespace, device: torch.device) -> Result:
    """One rank of `ddp_part`. Returns the time of a step, and how far apart the ranks' weights are (0)."""
    ranks = Ranks.start(device)
    options.batch *= ranks.size
    precision = "bf16" if device.type == "cuda" else "fp32"
    with tempfile.TemporaryDirectory() as folder:
        trainer = training_step.trainer_of(options, Path(folder), device, False, False, precision, ranks)
        trainer._train_step()
        started = synchronised(device)
        for _ in range(options.steps):
            trainer._train_step()
        seconds = (synchronised(device) - started) / options.steps
    total = torch.stack([value.double().sum() for value in trainer.network.parameters()]).sum().float()
    sums = ranks.gather(total[None]).flatten()
    apart = float((sums.max() - sums.min()).abs())
    return {
        "processes": ranks.size, "seconds": seconds, "samples_per_s": options.batch / seconds, "ranks_apart": apart,
    }  # fmt: skip


PARTS: Final[dict[str, Callable[..., Result]]] = {
    "training step, fp32": step_part("fp32"),
    "training step, bf16": step_part("bf16"),
    "training step, bf16, checkpointing": step_part("bf16", checkpointing=True),
    "training step, bf16, compiled": step_part("bf16", compiled=True),
    "sampling, fp32": sampling_part("fp32"),
    "sampling, bf16": sampling_part("bf16"),
    "sampling, bf16, compiled": sampling_part("bf16", compiled=True),
    "DDP step": ddp_part,
}


def machine(device: torch.device) -> dict[str, str]:
    """Returns what the numbers depend on: device, driver, versions."""
    found = {"python": sys.version.split()[0], "torch": torch.__version__, "cuda": str(torch.version.cuda)}
    if device.type == "cpu":
        return {**found, "device": f"CPU, {torch.get_num_threads()} threads", "driver": "none"}
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        driver = subprocess.run(query, capture_output=True, text=True, timeout=30).stdout.split("\n")[0]
    except (OSError, subprocess.TimeoutExpired) as error:
        driver = f"unknown ({error})"
    count = torch.cuda.device_count()
    return {**found, "device": f"{count} x {torch.cuda.get_device_name(device)}", "driver": driver}


def check(device: torch.device, *, quick: bool, parts: Sequence[str] = tuple(PARTS)) -> list[dict[str, Any]]:
    """Runs the parts one after the other. Returns a row for each: name, seconds it took, result or error."""
    rows = []
    started = time.monotonic()
    for name in parts:
        begun = time.monotonic()
        left = LIMIT_S - (begun - started)
        row: dict[str, Any] = {"part": name}
        try:
            if left <= 0:
                raise TimeoutError(f"not run: the check has taken {LIMIT_S:.0f} s")
            row["result"] = _run(name, device, quick=quick, limit_s=min(left, PART_LIMIT_S))
        except Exception as error:  # whatever a part raises, the next one runs
            row["error"] = f"{type(error).__name__}: {' '.join(str(error).split())[-300:]}"
        rows.append({**row, "took_s": round(time.monotonic() - begun, 1)})
        print(f"{name}: {row.get('error', 'done')}", file=sys.stderr, flush=True)
    return rows


def _run(name: str, device: torch.device, *, quick: bool, limit_s: float) -> Result:
    """Returns a part's result. A full check runs it in a process of its own: a GPU's error outlives the call."""
    if quick:
        return PARTS[name](options_for(quick), device, quick=quick)
    command = [sys.executable, "-m", "benchmarks.gpu_check", "--part", name, "--device", str(device)]
    return _last_json(command, limit_s)


def _last_json(command: list[str], limit_s: float) -> Result:
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, env=dict(os.environ))
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or f"exit code {done.returncode}")[-300:])
    result: Result = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def table(found: dict[str, str], rows: Sequence[dict[str, Any]]) -> str:
    """Returns the Markdown table."""
    lines = [", ".join(f"{name} {value}" for name, value in found.items()), ""]
    lines += ["| part | result | took |", "|---|---|---|"]
    for row in rows:
        values = {name: f"{v:.4g}" if isinstance(v, float) else v for name, v in row.get("result", {}).items()}
        text = row.get("error") or ", ".join(f"{name} {value}" for name, value in values.items())
        lines.append(f"| {row['part']} | {text.replace('|', '/')} | {row['took_s']} s |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; returns 1 when a part failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--quick", action="store_true", help="the smallest network, in this process")
    parser.add_argument("--out", type=Path, help="write the table as JSON too")
    parser.add_argument("--part", choices=list(PARTS), help="this part alone; prints JSON")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    device = choose_device(chosen.device)
    if chosen.worker:
        result = ddp_worker(options_for(chosen.quick), device)
        if os.environ.get("RANK", "0") == "0":
            print(json.dumps(result), flush=True)
        torch.distributed.destroy_process_group()
        return 0
    if chosen.part:
        print(json.dumps(PARTS[chosen.part](options_for(chosen.quick), device, quick=chosen.quick)), flush=True)
        return 0
    found, rows = machine(device), check(device, quick=chosen.quick)
    print(table(found, rows))
    if chosen.out:
        chosen.out.write_text(json.dumps({"machine": found, "parts": rows}, indent=2) + "\n", "utf-8")
    return int(any("error" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main())
