"""The stages from ingest to manifest on a Dask cluster and in threads: the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data_contracts.files import hash_file
from flows.stages import STAGE_FLOWS
from tasks.config import PipelineConfig, store
from tasks.engine.workspace import Workspace
from tasks.pipeline import steps_before

STAGES = [step.name for step in steps_before("precompute")]
SETTINGS = {
    "ingest": {"corpus": {"video_clips": 2, "audio_clips": 6}},
    "mine": {"parser": "rules"},
    "llm": {"backend": "rules"},
    "augment": {"rooms": 2},
    "shard_size": 3,
}


def run_stages(folder: Path, **settings: str) -> dict[str, str]:
    """Runs the data stages; returns the hash of every table and audio file they wrote."""
    space = Workspace(folder)
    store(PipelineConfig.model_validate({**SETTINGS, **settings}), space)
    counts = {stage: STAGE_FLOWS[stage](workspace=str(folder)) for stage in STAGES}
    assert counts["augment"]["new"] >= 3 and counts["manifest"]["new"] > 8, counts
    written = [p for p in sorted(folder.rglob("*")) if p.suffix in (".parquet", ".flac", ".mp4")]
    return {space.relative(path): hash_file(path) for path in written}


@pytest.fixture(scope="module")
def dask_address() -> Iterator[str]:
    """A running Dask cluster; in this process, since a worker of its own imports for longer than the shards take."""
    distributed = pytest.importorskip("distributed", reason="the extra `dask` is not installed")
    pytest.importorskip("prefect_dask", reason="the extra `dask` is not installed")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
    yield cluster.scheduler_address
    cluster.close()


@pytest.mark.slow
def test_dask_gives_the_bytes_of_threads(prefect_backend: None, dask_address: str, tmp_path: Path) -> None:
    in_threads = run_stages(tmp_path / "threads", runner="threads")
    assert run_stages(tmp_path / "dask", runner="dask", dask_address=dask_address) == in_threads
    assert {path.rsplit(".", 1)[1] for path in in_threads} == {"parquet", "flac", "mp4"}
