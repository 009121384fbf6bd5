"""How many workers a stage's shards have, and what a worker does with a shard: the same with and without Prefect."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from functools import partial
from typing import Literal

from flows.termination import interrupts_blocked
from tasks.config import PipelineConfig
from tasks.engine import Shard, Stage
from tasks.engine.attempts import end_with_parent
from tasks.engine.gpus import claim_gpu
from tasks.steps import has_gpu_workers


def worker_count(stage: Stage, config: PipelineConfig, shards: int) -> int:
    """Returns how many shards run at a time."""
    if has_gpu_workers(stage, config):
        return min(config.gpus, shards)
    return 1 if stage.large_shards or config.runner == "serial" else min(config.workers, shards)


def worker_kind(stage: Stage, config: PipelineConfig) -> Literal["threads", "processes", "dask"]:
    """Returns what the workers are. A worker with a GPU of its own is a process."""
    if config.runner == "dask":
        return "dask"
    return "processes" if config.runner == "processes" or has_gpu_workers(stage, config) else "threads"


def shard_work(
    stage: Stage, config: PipelineConfig, function: Callable[[Shard], int], shard: Shard
) -> Callable[[], int]:
    """Returns what a worker does with a shard; it can be sent to other processes."""
    return partial(_run_undisturbed, partial(function, shard), own_gpu=has_gpu_workers(stage, config))


def _run_undisturbed(work: Callable[[], int], *, own_gpu: bool) -> int:
    """Processes a shard in a worker: programs that it starts get no Ctrl-C, and its process ends with the command's."""
    if multiprocessing.parent_process() is not None:
        end_with_parent()
    if own_gpu:
        claim_gpu()
    if threading.current_thread() is threading.main_thread():
        return work()
    with interrupts_blocked():
        return work()
