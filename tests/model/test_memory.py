"""Freed memory is kept by glibc: the next block of its size needs no new pages."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from model import memory
from model.memory import keep_freed_memory

FAULTS = """
import resource, sys
from model.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def touch():
    block = bytearray(64 << 20)
touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_a_block_that_was_freed_is_used_again_without_new_pages() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, check=True, text=True).stdout)
        for how in ("kept", "returned")
    }
    assert faults["kept"] * 10 < faults["returned"]


@pytest.mark.parametrize("library", [SimpleNamespace(), None])
def test_without_glibc_nothing_changes(monkeypatch: pytest.MonkeyPatch, library: object) -> None:
    def load(_: None) -> object:
        if library is None:
            raise OSError("no library")
        return library

    monkeypatch.setattr(ctypes, "CDLL", load)
    assert keep_freed_memory() is False
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert keep_freed_memory() is False


def test_a_refusal_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def mallopt(option: int, _: int) -> int:
        asked.append(option)
        return len(asked) - 1  # the first is refused

    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=mallopt))
    assert keep_freed_memory() is False and sorted(asked) == [-3, -1]
