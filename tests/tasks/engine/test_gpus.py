"""Each worker process claims a GPU of its own; `auto` and `cuda` mean that one everywhere."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from model import devices
from model.devices import choose_device
from tasks.engine import gpus
from tasks.engine.gpus import claim_gpu


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with three GPUs, on which nothing is claimed."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: type("GPU", (), {"uuid": f"GPU-{index}"}))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(devices, "_own_gpu", [])
    monkeypatch.setattr(gpus, "_kept", [])
    claim_gpu.cache_clear()
    return tmp_path


def taken(machine: Path, name: str) -> FileLock:
    folder = next(machine.glob("foleygenex-gpus-*"), None) or machine / f"foleygenex-gpus-{gpus.os.getuid()}"
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / f"{name}.lock", thread_local=False)
    lock.acquire()
    return lock


def test_the_first_free_gpu_is_claimed_until_the_process_ends(machine: Path) -> None:
    other = taken(machine, "GPU-0")
    claim_gpu()
    claim_gpu()  # of a second shard
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda", 1)
    assert choose_device("cuda:2") == torch.device("cuda", 2) and choose_device("cpu").type == "cpu"
    with pytest.raises(gpus.Timeout):
        taken_again = FileLock(next(machine.glob("*/GPU-1.lock")), thread_local=False)
        taken_again.acquire(timeout=0)
    other.release()


def test_more_workers_than_gpus_share_one_and_say_so(machine: Path, caplog: pytest.LogCaptureFixture) -> None:
    locks = [taken(machine, f"GPU-{index}") for index in range(3)]
    with caplog.at_level(logging.WARNING):
        claim_gpu()
    assert "this one shares GPU" in caplog.text
    assert choose_device("auto").index in (0, 1, 2)
    for lock in locks:
        lock.release()


def test_without_a_gpu_nothing_is_claimed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    claim_gpu()
    assert choose_device("auto").type == "cpu" and not list(machine.iterdir())


def test_a_process_without_a_claim_takes_the_first_gpu(machine: Path) -> None:
    assert choose_device("auto") == torch.device("cuda")
