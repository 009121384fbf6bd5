"""`foleygenex evaluate` on real recordings against themselves: 6 dB quieter, and with white noise 20 dB below.

All recordings of ESC-10, one group per upload; the reference is each one's own. Needs FOLEYGENEX_REALDATA (see
benchmarks/real_data.py).

Legend: T samples.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.judge_recordings import ESC10, Recording, esc10
from benchmarks.mixtures import mixed
from benchmarks.real_data import VARIABLE, recordings_folder, tagger_weights
from tasks.media.audio import write_flac

QUIETER_DB: Final = -6.0
NOISE_DB: Final = -20.0  # relative to the recording's RMS
SYSTEMS: Final = ("quieter", "noisy")
REFERENCE: Final = "reference"
CAPTIONS: Final = "captions.csv"


def write_folders(recordings: Sequence[Recording], folder: Path) -> None:
    """Writes the reference, the systems and `captions.csv` (name, caption, group, category) into a new folder."""
    for name in (REFERENCE, *SYSTEMS):
        (folder / name).mkdir(parents=True)
    with (folder / CAPTIONS).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("name", "caption", "group", "category"))
        for number, one in enumerate(recordings):
            name = f"{one.label}-{number:03d}"
            table.writerow((name, ESC10[one.label].prompt, one.group, one.label))
            noise_T = np.random.default_rng(number).standard_normal(len(one.audio_T)).astype(np.float32)
            heard = (one.audio_T, one.audio_T * 10 ** (QUIETER_DB / 20), mixed(noise_T, one.audio_T, NOISE_DB))
            for where, audio_T in zip((REFERENCE, *SYSTEMS), heard, strict=True):
                write_flac(folder / where / f"{name}.flac", audio_T.astype(np.float32), one.rate_hz)


def command(folder: Path, judges: Sequence[str]) -> list[str]:
    """Returns the arguments of `foleygenex evaluate` for the folders that `write_folders` wrote."""
    systems = [part for name in SYSTEMS for part in ("--generated", str(folder / name))]
    return [
        *("evaluate", *systems, "--reference", str(folder / REFERENCE), "--captions", str(folder / CAPTIONS)),
        *("--judges", ",".join(judges), "--allow", "all", "--out", str(folder / "scores")),
    ]


def main(arguments: list[str]) -> int:
    """Prints the command's table; the exit code is the command's, 1 where there are no recordings."""
    parser = argparse.ArgumentParser(prog="benchmarks.evaluation recordings", description=__doc__)
    parser.add_argument("--out", type=Path, help="a new folder to keep the audio and the scores in")
    parser.add_argument("--judges", help="default: embedded, and mn04 and its labels where its weights are")
    given = parser.parse_args(arguments)
    recordings = esc10(recordings_folder())
    if not recordings:
        print(f"{recordings_folder()} has no recordings of ESC-10; name their folder in {VARIABLE}", file=sys.stderr)
        return 1
    tagger = tagger_weights()
    real = [f"{name}:{tagger}" for name in ("mn04", "labels-mn04")] if tagger.is_file() else []
    judges = given.judges.split(",") if given.judges else ["embedded", *real]
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.out or Path(scratch) / "recordings"
        write_folders(recordings, folder)
        return subprocess.run([sys.executable, "-m", "foleygenex", *command(folder, judges)], check=False).returncode
