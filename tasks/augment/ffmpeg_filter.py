"""One FFmpeg process over raw samples: how this stage uses FFmpeg's audio filters."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import Any

import ffmpeg
import numpy as np

from data_contracts import ItemError, UsageError
from tasks.media.samples import Samples


def run_filters(samples_T: Samples, rate_hz: int, build: Callable[[Any], Any]) -> Samples:
    """Returns the samples after the filters that `build` appends to an ffmpeg-python stream; 32-bit float all through.

    Raises UsageError when FFmpeg is not installed, ItemError `tool_failed` with its last line when it fails.
    """
    raw = {"format": "f32le", "ar": rate_hz, "ac": 1}
    stream = build(ffmpeg.input("pipe:", **raw)).output("pipe:", **raw).global_args("-v", "error", "-nostdin")
    try:
        out, _ = stream.run(
            input=np.ascontiguousarray(samples_T, np.float32).tobytes(), capture_stdout=True, quiet=True
        )
    except FileNotFoundError as error:
        raise UsageError("ffmpeg is not installed; `apt-get install ffmpeg` (or your system's package)") from error
    except ffmpeg.Error as error:
        lines = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ItemError("tool_failed", f"ffmpeg: {lines[-1] if lines else 'no message'}") from error
    return np.frombuffer(out, np.float32)


def tool_version(command: str, option: str) -> str:
    """Returns the version that a command prints first, e.g. 5.1.9. Raises UsageError when it is not installed."""
    try:
        shown = subprocess.run([command, option], capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise UsageError(f"{command} is not installed; `apt-get install {command}`") from error
    found = re.search(r"v?(\d+(?:\.\d+)+)", shown.stdout + shown.stderr)
    return found.group(1) if found else "unknown"
