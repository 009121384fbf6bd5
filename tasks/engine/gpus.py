"""A GPU of its own for each worker process of this machine. The operating system's locks say which are taken."""

from __future__ import annotations

import logging
import os
import tempfile
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

log = logging.getLogger(__name__)

_kept: list[FileLock] = []


@cache
def claim_gpu() -> None:
    """Makes `auto` and `cuda` mean one GPU in this process, until it ends: one that no other worker has claimed.

    With more workers than GPUs some share one, which the log says. Without a GPU nothing happens.
    """
    import torch

    from model.devices import gpu_count, use_gpu

    count = gpu_count()
    folder = Path(tempfile.gettempdir()) / f"foleygenex-gpus-{os.getuid()}"
    for index in range(count):
        name = getattr(torch.cuda.get_device_properties(index), "uuid", index)
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        _kept.append(lock)
        return use_gpu(index)
    if count:
        log.warning("every GPU has a worker already; this one shares GPU %d", os.getpid() % count)
        use_gpu(os.getpid() % count)
    return None
