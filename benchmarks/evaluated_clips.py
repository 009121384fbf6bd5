"""`foleygenex evaluate` on folders of synthetic 8-s clips, twice: clips per second, memory, and the second run.

The reference are struck tones, the generated clips the same with noise 20 dB below. The second run finds what the
judges said in its cache.

Legend: T samples.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.mixtures import mixed
from tasks.media.audio import write_flac
from tasks.media.samples import Samples

RATE_HZ: Final = 16_000
SECONDS: Final = 8.0
_EVENTS: Final = 8
_NOISE_DB: Final = -20.0


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one command took; the peak is that of its main process."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    code: int


def struck_tones(seed: int) -> Samples:
    """Returns (T,) eight struck tones at random times, of an object of its own."""
    rng = np.random.default_rng(seed)
    audio_T, time_T = np.zeros(round(SECONDS * RATE_HZ)), np.arange(RATE_HZ) / RATE_HZ
    pitches, decay_s = rng.uniform(150, 5000, 4), rng.uniform(0.03, 0.3)
    for start in rng.integers(0, len(audio_T) - RATE_HZ, _EVENTS):
        strike_T = np.sin(2 * np.pi * pitches[:, None] * time_T).sum(axis=0) * np.exp(-time_T / decay_s)
        audio_T[start : start + RATE_HZ] += 0.1 * rng.uniform(0.5, 1) * strike_T
    return audio_T.astype(np.float32)


def write_folders(folder: Path, clips: int) -> tuple[Path, Path]:
    """Writes the reference and the generated clips; returns both folders."""
    reference, generated = folder / "reference", folder / "generated"
    for path in (reference, generated):
        path.mkdir(parents=True)
    for number in range(clips):
        audio_T = struck_tones(number)
        noise_T = np.random.default_rng([number, 1]).standard_normal(len(audio_T)).astype(np.float32)
        name = f"clip{number:05d}.flac"
        write_flac(reference / name, audio_T, RATE_HZ)
        write_flac(generated / name, mixed(noise_T, audio_T, _NOISE_DB), RATE_HZ)
    return reference, generated


def timed(arguments: list[str]) -> Run:
    """Runs a command of this Python, its output hidden unless it fails."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            print(output.read().decode(errors="replace")[-2000:], file=sys.stderr)
    wall = time.perf_counter() - started
    return Run(
        wall_s=wall, cpu_s=used.ru_utime + used.ru_stime, peak_bytes=used.ru_maxrss * 1024, code=process.returncode
    )


def main(arguments: list[str]) -> int:
    """Prints both runs; the exit code is the first failing run's."""
    parser = argparse.ArgumentParser(prog="benchmarks.evaluation clips", description=__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--judges", default="embedded")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        reference, generated = write_folders(Path(scratch), given.clips)
        command = ["-m", "foleygenex", "evaluate", "--generated", str(generated), "--reference", str(reference)]
        command += ["--judges", given.judges, "--out", str(Path(scratch) / "out")]
        for name in ("first run", "second run"):
            run = timed(command)
            if run.code:
                return run.code
            print(
                f"{name:<11} {given.clips:,} clips of {SECONDS:g} s, judges {given.judges}: {run.wall_s:.1f} s, "
                f"{given.clips / run.wall_s:.1f} clips/s, {run.cpu_s:.1f} CPU s, peak {run.peak_bytes / 1e9:.2f} GB",
                flush=True,
            )
    return 0
