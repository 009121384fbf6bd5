"""Runs a checkout of av-benchmark as it is, as a program of its own with its own interpreter, and reads its result.

Nothing of it is imported here. Its programs are started without a shell; they write only below the folder given.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import FoleyGenExError, UsageError
from tasks.evaluate.av_benchmark.scores import OUTPUT, read_output_metrics

EVALUATE, VIDEO, TEXT = "evaluate.py", "extract_video.py", "extract_text.py"
GENERATED, REFERENCE = "generated", "reference"
SUFFIXES: Final = (".flac", ".wav")
"""The audio that it reads; files with other endings it passes over without a word."""
_LAST_LINES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A checkout and the Python that it runs with. Its own dependencies must be installed there (a GPU, too)."""

    folder: Path
    python: Path

    def require(self) -> None:
        """Raises UsageError unless the checkout has av-benchmark's programs and the interpreter is there."""
        for name in (EVALUATE, VIDEO, TEXT):
            if not (self.folder / name).is_file():
                raise UsageError(f"{self.folder} is no checkout of av-benchmark: it has no {name}")
        if not self.python.is_file():
            raise UsageError(f"--av-benchmark-python {self.python}: there is no such file")

    def evaluate(
        self,
        generated: Path,
        reference: Path,
        out: Path,
        *,
        seconds: float,
        video: Path | None = None,
        captions: Path | None = None,
    ) -> dict[str, float]:
        """Returns its output_metrics.json for two folders of audio; its caches are below `out`, made anew.

        No file may be shorter than `seconds`: it would pass over that file, or try for ever where all are.
        `video` and `captions` as its extract_video.py (MP4 files) and extract_text.py (columns name, caption) take
        them. Raises UsageError for what is no checkout, FoleyGenExError with its last lines when a program fails.
        """
        self.require()
        made, true = out / GENERATED, out / REFERENCE
        for stale in (made, true):  # it takes features that are there, whatever audio they are of
            shutil.rmtree(stale, ignore_errors=True)
        length = ["--audio_length", str(seconds)]
        if video is not None:
            self._run(VIDEO, ["--gt_cache", true, "--video_path", video.resolve(), *length])
        if captions is not None:
            self._run(TEXT, ["--text_csv", captions.resolve(), "--output_cache_path", true])
        options: list[str | Path] = ["--gt_audio", reference.resolve(), "--gt_cache", true]
        options += ["--pred_audio", generated.resolve()]
        skipped = ["--skip_video_related"] * (video is None) + ["--skip_clap"] * (captions is None)
        self._run(EVALUATE, [*options, "--pred_cache", made, *length, *skipped])
        return read_output_metrics(made / OUTPUT)

    def _run(self, program: str, arguments: Sequence[str | Path]) -> None:
        command = [str(self.python.absolute()), str(self.folder.resolve() / program), *map(_absolute, arguments)]
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            said = " / ".join((done.stderr or done.stdout).strip().splitlines()[-_LAST_LINES:])
            raise FoleyGenExError(f"av-benchmark's {program} ended with code {done.returncode}: {said}")


def _absolute(argument: str | Path) -> str:
    return str(argument.resolve()) if isinstance(argument, Path) else argument
