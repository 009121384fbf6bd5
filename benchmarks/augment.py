"""Clips per second and core of each augmentation: `python -m benchmarks.augment [CLIPS] [FOLDER]`.

Clips are 8 s at 44.1 kHz mono: rendered ones, or the recordings of FOLDER, repeated to 8 s. A clip is one item of the
augment stage, all of it: FLAC decoded, trimmed, changed, encoded, decoded again, measured, written and hashed. Time is
CPU time, that of child processes included, the least of five rounds (of one, for the programs), because a busy machine
makes CPU time longer too. The baseline is decoding and encoding alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from data_contracts.files import hash_file
from tasks.augment.bank import RoomBank
from tasks.augment.config import AudioBackend, AugmentConfig
from tasks.augment.stage import AugmentStage
from tasks.engine import Item
from tasks.engine.workspace import Workspace
from tasks.media.audio import read_audio, write_flac
from tasks.media.samples import Samples

RATE = 44_100
SECONDS = 8
ROOMS = 8
ROUNDS = 5
OPERATIONS = {
    "original": ("speed", "fast", "fast"),
    "speed x1.3": ("speed", "fast", "very_fast"),
    "speed x0.7": ("speed", "slow", "very_slow"),
    "dynamics": ("volume", "loud", "crescendo"),
    "distance": ("distance", "near", "far"),
}
"""Name -> dimension, side, level."""
SPEED_LEVELS = ["original", "speed x1.3", "speed x0.7"]
"""What the stage makes of a clip whose caption names a speed; it is decoded once for the three."""


def rendered(count: int) -> list[Samples]:
    """Returns audio of knocks over soft noise that fills 8 s."""
    clips = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        sound = 0.003 * rng.standard_normal(SECONDS * RATE)
        knock = rng.standard_normal(RATE // 5) * np.exp(-np.arange(RATE // 5) / 900)
        for start in range(0, SECONDS * RATE - len(knock), int(rng.integers(9_000, 30_000))):
            sound[start : start + len(knock)] += knock
        clips.append((0.8 * sound / np.max(np.abs(sound))).astype(np.float32))
    return clips


def recorded(folder: Path, count: int) -> list[Samples]:
    """Returns the first `count` recordings of a folder at 44.1 kHz, repeated to 8 s."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".flac", ".ogg", ".wav"))
    recordings = (read_audio(path, rate_hz=RATE)[0] for path in paths[:: max(1, len(paths) // count)][:count])
    return [np.resize(np.clip(samples, -1, 1), SECONDS * RATE) for samples in recordings]


def cpu_s(work: Callable[[], object], rounds: int = 1) -> float:
    """Returns the CPU seconds of `work`, its child processes' included: the least of some rounds."""
    spent = []
    for _ in range(rounds):
        before = sum(os.times()[:4])
        work()
        spent.append(sum(os.times()[:4]) - before)
    return min(spent)


def items_of(workspace: Workspace, paths: Sequence[Path], names: Sequence[str]) -> list[Item]:
    """Returns the items of all clips, those of a clip in a row."""
    items = []
    for path in paths:
        for name in names:
            dimension, side, level = OPERATIONS[name]
            payload = {
                "mined_id": f"{path.stem}~{dimension}",
                "clip_id": path.stem,
                "split": "train",
                "caption": "",
                "dimension": dimension,
                "side": side,
                "audio_path": workspace.relative(path),
                "audio_sha256": hash_file(path),
                "event_times_s": None,
                "level": level,
            }
            items.append(Item(f"{path.stem}~{dimension}~{level}", payload))
    return items


def measure(
    workspace: Workspace, paths: Sequence[Path], names: Sequence[str], config: AugmentConfig
) -> tuple[float, int]:
    """Returns clips per second and core of the stage, and how many were refused."""
    stage = AugmentStage(config, "1")
    items = items_of(workspace, paths, names)
    refused: set[str] = set()

    def work() -> None:
        refused.update(result.item_id for result in stage.process(items, workspace) if result.error is not None)

    return len(items) / cpu_s(work, ROUNDS if config.backend == "fast" else 1), len(refused)


def baseline(workspace: Workspace, paths: Sequence[Path]) -> float:
    """Returns clips per second and core of decoding and encoding alone."""

    def work() -> None:
        for path in paths:
            samples, rate_hz = read_audio(path)
            write_flac(workspace.path("baseline", path.name), samples, rate_hz)

    return len(paths) / cpu_s(work, ROUNDS)


def main() -> None:
    """Prints a table: operation, in process, by the programs, and the share of the baseline's rate."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        clips = recorded(Path(sys.argv[2]), count) if len(sys.argv) > 2 else rendered(count)
        paths = [workspace.path("clips", f"clip-{number:03d}.flac") for number in range(len(clips))]
        for path, samples in zip(paths, clips, strict=True):
            write_flac(path, samples, RATE)
        bank = RoomBank(
            config=AugmentConfig(rooms=ROOMS), dataset_version="1", folder=workspace.stage("augment") / "rooms"
        )
        room_s = cpu_s(lambda: [bank.draw(number, RATE) for number in range(ROOMS)]) / ROOMS
        top = baseline(workspace, paths)
        print(f"{'clips/s/core':24s} {'fast':>8s} {'tool':>8s} {'fast/base':>11s} {'refused':>8s}")
        print(f"{'decode and encode alone':24s} {top:8.1f} {top:8.1f} {1:11.2f} {0:8d}")
        sets = {name: [name] for name in OPERATIONS} | {"speed, its three levels": SPEED_LEVELS}
        for label, names in {**sets, "all five of a clip": list(OPERATIONS)}.items():
            found = {}
            backends: tuple[AudioBackend, ...] = ("fast", "tool")
            for backend in backends:
                config = AugmentConfig(rooms=ROOMS, backend=backend)
                found[backend] = measure(workspace, paths, names, config)
            fast, tool = found["fast"], found["tool"]
            print(f"{label:24s} {fast[0]:8.1f} {tool[0]:8.1f} {fast[0] / top:11.2f} {fast[1]:8d}")
        own = measure(workspace, paths[: max(4, count // 8)], ["distance"], AugmentConfig(rooms=0))
        print(f"{'distance, a room each':24s} {own[0]:8.1f} {'':8s} {own[0] / top:11.2f} {own[1]:8d}")
        print(f"a room of the bank costs {room_s:.2f} s once")


if __name__ == "__main__":
    main()
