"""SoX and FFmpeg as programs over raw samples: how augmentation runs them, and how it reports that they failed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any, Final, Literal

import ffmpeg
import numpy as np
import sox

from data_contracts import ItemError, UsageError
from tasks.media.samples import Samples

_HEADROOM: Final = 0.5  # SoX works in integers: the resampler's overshoot must not clip


def run_ffmpeg(samples_T: Samples, rate_hz: int, add_filters: Callable[[Any], Any]) -> Samples:
    """Returns the samples after the filters that `add_filters` appends to an ffmpeg-python stream, all in 32-bit float.

    Raises UsageError when FFmpeg is not installed, ItemError `tool_failed` with its last line when it fails.
    """
    raw = {"format": "f32le", "ar": rate_hz, "ac": 1}
    stream = add_filters(ffmpeg.input("pipe:", **raw)).output("pipe:", **raw).global_args("-v", "error", "-nostdin")
    try:
        out, _ = stream.run(
            input=np.ascontiguousarray(samples_T, np.float32).tobytes(), capture_stdout=True, quiet=True
        )
    except FileNotFoundError as error:
        raise _not_installed("ffmpeg") from error
    except ffmpeg.Error as error:
        raise _failed("ffmpeg", error.stderr.decode("utf-8", "replace")) from error
    return np.frombuffer(out, np.float32)


def run_sox(samples_T: Samples, rate_hz: int, effect: Literal["speed", "tempo"], factor: float) -> Samples:
    """Returns the samples after one SoX effect.

    Raises UsageError when SoX is not installed, ItemError `tool_failed` with its last line when it fails.
    """
    quieter_T = np.ascontiguousarray(samples_T * np.float32(_HEADROOM))
    transformer = getattr(sox.Transformer(), effect)(factor)
    try:
        played_T = transformer.build_array(input_array=quieter_T, sample_rate_in=rate_hz)
    except sox.SoxError as error:  # also for a missing program
        raise _failed("sox", str(error)) if shutil.which("sox") else _not_installed("sox") from error
    return np.asarray(played_T, np.float32).reshape(-1) / np.float32(_HEADROOM)


def program_version(command: str, option: str) -> str:
    """Returns the version that a command prints first, e.g. 5.1.9. Raises UsageError when it is not installed."""
    try:
        shown = subprocess.run([command, option], capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise _not_installed(command) from error
    found = re.search(r"v?(\d+(?:\.\d+)+)", shown.stdout + shown.stderr)
    return found.group(1) if found else "unknown"


def _not_installed(command: str) -> UsageError:
    return UsageError(f"{command} is not installed; `apt-get install {command}` (or your system's package)")


def _failed(command: str, output: str) -> ItemError:
    lines = output.strip().splitlines()
    return ItemError("tool_failed", f"{command}: {lines[-1] if lines else 'no message'}")
