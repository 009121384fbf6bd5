"""Damaged recordings of every container through ingest: no run ends, no item is lost, and each reason is a known one.

Each file is a copy of a whole one with up to five places overwritten, removed, repeated or filled with noise, drawn by
its seed; a whole file of each kind is ingested beside them and must be done.

Run: `python -m benchmarks.damage --count 2000`
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt
import soundfile as sf

from tasks.corpus.config import CorpusConfig
from tasks.engine import read_quarantine, run_stage
from tasks.engine.workspace import Workspace
from tasks.ingest.config import IngestConfig
from tasks.ingest.stage import IngestStage

REASONS: Final = frozenset(
    ("empty_file", "not_audio", "no_video_stream", "truncated", "unreadable_audio", "unreadable_video", "nan_samples")
)
"""What may be said of a damaged file that cannot be read."""
UNUSABLE: Final = frozenset(("silent", "too_short"))
"""What may be said of one that can be read, but has lost its audio."""
_RATE_HZ: Final = 16_000
_SECONDS: Final = 1.0
_PART: Final = 960  # samples encoded at once
_AUDIO: Final = ("wav", "w64", "aiff", "caf", "flac", "ogg", "mp3")
_ENCODED: Final = {  # suffix: codecs of video and audio
    "m4a": ("", "aac"), "aac": ("", "aac"), "opus": ("", "libopus"), "mka": ("", "flac"),
    "mp4": ("libx264", "aac"), "mov": ("libx264", "aac"), "mkv": ("libx264", "flac"), "ts": ("libx264", "aac"),
    "avi": ("mpeg4", "pcm_s16le"), "flv": ("libx264", "aac"), "webm": ("libvpx", "libopus"),
}  # fmt: skip
_FORMATS: Final = {"ts": "mpegts", "aac": "adts", "m4a": "ipod", "mka": "matroska"}
VIDEOS: Final = tuple(suffix for suffix, (video, _) in _ENCODED.items() if video)


def whole_files(folder: Path) -> list[Path]:
    """Writes one second of audio, or of audio and video, in every container, and returns the files."""
    time_T = np.arange(round(_SECONDS * _RATE_HZ)) / _RATE_HZ
    samples_T = (0.5 * np.sin(2 * np.pi * 440 * time_T)).astype(np.float32)
    for suffix in _AUDIO:
        sf.write(folder / f"whole.{suffix}", samples_T, _RATE_HZ)
    for suffix, (video, audio) in _ENCODED.items():
        _encode(folder / f"whole.{suffix}", samples_T, video, audio)
    return [folder / f"whole.{suffix}" for suffix in (*_AUDIO, *_ENCODED)]


def damaged(content: bytes, seed: int) -> bytes:
    """Returns a copy with overwritten, removed, repeated or inserted bytes, more often near the beginning."""
    rng = np.random.default_rng(seed)
    changed = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        place = int(len(changed) * rng.random() ** 3)
        length = int(rng.integers(1, 40))
        noise = rng.integers(0, 256, length, np.uint8).tobytes()
        kind = rng.integers(4)
        if kind == 0:
            changed[place : place + length] = noise
        elif kind == 1:
            del changed[place : place + length]
        elif kind == 2:
            changed[place:place] = changed[place : place + length]
        else:
            changed[place:place] = noise
    return bytes(changed)


def ingest_damaged(root: Path, count: int) -> Counter[str]:
    """Ingests `count` damaged files, and a whole one of each container. Returns how often each reason was given.

    The reason of a file that was read is `read`. Raises ValueError naming a file whose reason is not a known one, whose
    message does not name it, or that was lost, and a whole file that was refused.
    """
    folder = root / "files"
    folder.mkdir(parents=True)
    whole = whole_files(folder)
    names = [path.name for path in whole]
    for seed in range(count):
        source = whole[seed % len(whole)]
        names.append(f"damaged-{seed}{source.suffix}")
        (folder / names[-1]).write_bytes(damaged(source.read_bytes(), seed))
    workspace = Workspace(root / "workspace")
    corpus = CorpusConfig(kind="table", path=str(_table(folder, names)))
    config = IngestConfig(corpus=corpus, duplicates="none", accept_quarantined=1)
    summary = run_stage(IngestStage(config, "1"), workspace)
    failures = {row.item_id: row for row in read_quarantine(workspace)}
    if summary.done + len(failures) != len(names):
        raise ValueError(f"{summary.done} done and {len(failures)} quarantined of {len(names)} files")
    for name, row in failures.items():
        if name in {path.name for path in whole}:
            raise ValueError(f"{name} is whole, but it was refused: {row.reason}, {row.message}")
        if row.reason not in REASONS | UNUSABLE or name not in row.message:
            raise ValueError(f"{name} was misnamed: {row.reason}, {row.message}")
    return Counter({"read": summary.done, **Counter(row.reason for row in failures.values())})


def _table(folder: Path, names: list[str]) -> Path:
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "audio", "video", "caption"))
        for name in names:
            is_video = name.rsplit(".", 1)[1] in VIDEOS
            writer.writerow((name, "" if is_video else name, name if is_video else "", "A tone"))
    return folder / "table.csv"


def _encode(path: Path, samples_T: npt.NDArray[np.float32], video: str, audio: str) -> None:
    with av.open(str(path), "w", format=_FORMATS.get(path.suffix[1:])) as target:
        frames = target.add_stream(video, rate=10) if video else None
        sound = target.add_stream(audio, rate=_RATE_HZ, layout="mono")
        if frames is not None:
            frames.width, frames.height, frames.pix_fmt = 64, 48, "yuv420p"
            for level in range(round(10 * _SECONDS)):
                image_HWC = np.full((48, 64, 3), 20 * level, np.uint8)
                target.mux(frames.encode(av.VideoFrame.from_ndarray(image_HWC, format="rgb24")))
            target.mux(frames.encode(None))
        for number, part_T in enumerate(_parts(samples_T)):
            rounded_1T = np.rint(part_T * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(rounded_1T, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = _RATE_HZ, number * _PART, Fraction(1, _RATE_HZ)
            target.mux(sound.encode(frame))
        target.mux(sound.encode(None))


def _parts(samples_T: npt.NDArray[np.float32]) -> Iterator[npt.NDArray[np.float32]]:
    return (samples_T[start : start + _PART] for start in range(0, len(samples_T), _PART))


def main() -> None:
    """Prints how often each reason was given, and the time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    options = parser.parse_args()
    started = time.process_time()
    with tempfile.TemporaryDirectory(prefix="damage-") as folder:
        found = ingest_damaged(Path(folder), options.count)
    for reason, number in found.most_common():
        print(f"{reason:18} {number:6,}")
    print(f"{options.count:,} damaged files, {time.process_time() - started:.0f} s of CPU: no run ended, none was lost")


if __name__ == "__main__":
    main()
