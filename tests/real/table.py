"""Builds a table (audio, caption, video, id, group) of real recordings, with one file in ten broken."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile as sf


def _truncated(path: Path, original: Path) -> None:
    path.write_bytes(original.read_bytes()[:700])


def _nan(path: Path, _: Path) -> None:
    samples = np.zeros(16_000, np.float32)
    samples[100:200] = np.nan
    sf.write(path, samples, 16_000, subtype="FLOAT")


# file name -> how it is broken; None: the file is missing.
BROKEN: dict[str, Callable[[Path, Path], object] | None] = {
    "empty.ogg": lambda path, _: path.write_bytes(b""),
    "truncated.ogg": _truncated,
    "not_audio.ogg": lambda path, _: path.write_text("this is a text file, not a recording\n" * 50),
    "silent.wav": lambda path, _: sf.write(path, np.zeros(32_000, np.float32), 16_000),
    "missing.ogg": None,
    "nan.wav": _nan,
    "one_ms.wav": lambda path, _: sf.write(path, np.full(16, 0.1, np.float32), 16_000),
}


def build_table(data: Path, folder: Path, *, recordings: int, videos: int) -> Path:
    """Writes `table.csv` in `folder` beside copies of real recordings. Returns its path.

    One row in ten is a broken file. Recordings with an adverb in their caption come first, so that mining finds some.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = pd.read_csv(data / "MANIFEST.csv")
    audio = manifest[(manifest.kind == "audio") & manifest.caption.notna()]
    audio = audio.sort_values(["adverb", "file"], na_position="last").head(recordings)
    video = manifest[(manifest.kind == "video") & manifest.caption.notna()].sort_values("file").head(videos)
    rows = []
    for number, row in enumerate(pd.concat([audio, video]).itertuples()):
        source = data / str(row.file)
        copy = folder / f"{number:03d}{source.suffix}"
        shutil.copyfile(source, copy)
        is_video = row.kind == "video"
        rows.append(
            {
                "id": f"real-{number:03d}",
                "audio": copy.name,
                "video": copy.name if is_video else "",
                "caption": row.caption,
                "group": row.group if isinstance(row.group, str) else f"file-{number}",
            }
        )
    rows.extend(_broken_rows(folder, folder / rows[0]["audio"], count=max(1, len(rows) // 9)))
    path = folder / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _broken_rows(folder: Path, original: Path, count: int) -> list[dict[str, str]]:
    rows = []
    for number in range(count):
        name, damage = list(BROKEN.items())[number % len(BROKEN)]
        path = folder / f"{number}_{name}"
        if damage is not None:
            damage(path, original)
        row = {"id": f"broken-{number}-{name}", "audio": path.name, "video": "", "caption": "A dog barks loudly"}
        rows.append(row | {"group": f"broken-{number}"})
    return rows
