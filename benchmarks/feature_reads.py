"""How fast batches of features are read: `python -m benchmarks.feature_reads [--codec NAME] [--rows 256] [--batch 64]`.

Random features of the paper's sizes (`model.paper_specs`, 16 bits per value) are written once, then read in random
batches from the page cache: by `model.features.FeatureStore` as training does (`in_16_bits`), as float32, and from a
tensordict memory map of the same values, the form in which MMAudio stores its features. Each with 0 workers (in the
calling thread) and with 2 (batches prepared by two threads). Prints samples per second by the clock and per CPU second
(which other programs disturb less), and GB of 16-bit values per CPU second: the best of `--repeat` passes over all
rows, with freed memory kept by the C library (`model.memory`). tensordict is no dependency: `pip install tensordict`
adds its lines.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.feature_writer import FeatureWriter
from model.features import FIELDS, FeatureStore
from model.memory import keep_freed_memory
from model.paper_specs import CODECS, paper_specs
from model.specs import FeatureSpecs

CLIP_S = 8.0
Read = Callable[[Sequence[int]], object]


def write_features(folder: Path, specs: FeatureSpecs, rows: int) -> FeatureStore:
    """Writes `rows` records of each field and opens them."""
    generator = np.random.default_rng(0)
    writer = FeatureWriter(folder, specs, CLIP_S)
    for _ in range(rows):
        made = {name: generator.standard_normal(shape, np.float32) for name, shape in writer.shapes.items()}
        writer.add_latent(made["latent_mean"], np.abs(made["latent_std"]), in_stats=True)
        writer.add_video(made["clip"], made["sync"])
        writer.add_text(made["text"])
    writer.finish(stats_from="random features", keys={})
    return FeatureStore.open_records(folder)


def read_store(store: FeatureStore) -> Read:
    """Returns a function that reads one batch of every field, as a training step does."""
    return lambda rows: (*store.latents(rows), store.clip(rows), store.sync(rows), store.text(rows))


def read_tensordict(store: FeatureStore, folder: Path) -> Read:
    """Returns the same for a tensordict memory map of the store's values."""
    tensordict = importlib.import_module("tensordict")
    values: dict[str, Any] = {name: store.storage.tensor(np.array(store.arrays[name])) for name in FIELDS}
    mapped = tensordict.TensorDict(values, batch_size=[len(values["text"])]).memmap(str(folder))
    return lambda rows: mapped[torch.tensor(rows)]


def batches(rows: int, size: int) -> Iterator[list[int]]:
    """Yields all rows once in random order."""
    order = np.random.default_rng(1).permutation(rows).tolist()
    return (order[start : start + size] for start in range(0, rows, size))


def samples_per_s(read: Read, rows: int, size: int, *, workers: int, repeat: int) -> tuple[float, float]:
    """Returns the rate by the clock and per CPU second, the best of `repeat` passes after one fills the page cache."""
    seconds, cpu_seconds = [], []
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for _ in range(repeat + 1):
            started, used = time.perf_counter(), time.process_time()
            for _ in pool.map(read, batches(rows, size)) if workers else map(read, batches(rows, size)):
                pass
            seconds.append(time.perf_counter() - started)
            cpu_seconds.append(time.process_time() - used)
    return rows / min(seconds[1:]), rows / min(cpu_seconds[1:])


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", default="mmaudio-44k", choices=sorted(CODECS))
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as training does
    with tempfile.TemporaryDirectory() as folder:
        store = write_features(Path(folder, "features"), paper_specs(options.codec), options.rows)
        size = sum(array[0].nbytes for array in store.arrays.values())
        ways = {
            "feature store, 16 bits (training)": read_store(store.in_16_bits()),
            "feature store, float32": read_store(store),
        }
        if importlib.util.find_spec("tensordict"):
            ways["tensordict memory map, 16 bits"] = read_tensordict(store, Path(folder, "tensordict"))
        print(f"{options.rows} rows of {size / 1e6:.2f} MB, batches of {options.batch}, {options.codec}\n")
        print("| | workers | samples/s | samples/CPU s | GB/CPU s |\n|---|---|---|---|---|")
        for workers in (0, 2):
            for name, read in ways.items():
                rate, cpu = samples_per_s(read, options.rows, options.batch, workers=workers, repeat=options.repeat)
                print(f"| {name} | {workers} | {rate:,.0f} | {cpu:,.0f} | {cpu * size / 1e9:.2f} |", flush=True)
        if not importlib.util.find_spec("tensordict"):
            print("\ntensordict is not installed; `pip install tensordict` adds its lines")


if __name__ == "__main__":
    main()
