"""Fixtures of all tests: the shared real recordings, programs, and one Prefect backend per session."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from benchmarks.real_data import VARIABLE, recordings_folder
from flows.settings import ship_settings

# One thread per test process, inherited by what it starts: the workers of the suite already use every core, and sums
# over another number of threads have other last bits, so a run and its continuation must agree on it.
os.environ["OMP_NUM_THREADS"] = "1"
ship_settings(quiet=True)
# No deadline per example: on a loaded machine it fails what is right, and the first example loads spaCy or torch.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")
REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def parser_looked_up_anew() -> None:
    """The code looks once per process whether the caption parser's model is there; tests have caches of their own."""
    if module := sys.modules.get("tasks.language.parse"):
        module.has_parser.cache_clear()


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real recordings (`benchmarks.real_data`); skips where it is absent."""
    folder = recordings_folder()
    if not (folder / "MANIFEST.csv").exists():
        pytest.skip(f"no real recordings in {folder} (set {VARIABLE})")
    return folder


@pytest.fixture(scope="session")
def prefect_backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prefect's own test backend, started once: flows called under it run as they do without a server."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=300):
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips `tools` tests where the programs are missing; CI has them all."""
    missing = [name for name in ("sox", "ffmpeg") if shutil.which(name) is None]
    if not missing or os.environ.get("CI"):
        return
    for item in items:
        if item.get_closest_marker("tools"):
            item.add_marker(pytest.mark.skip(reason=f"not installed: {', '.join(missing)}"))
