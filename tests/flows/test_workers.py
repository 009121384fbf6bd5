"""How many workers a stage's shards have, of which kind, and which of them claim a GPU."""

from __future__ import annotations

import pytest

from flows import workers
from flows.direct import _pool
from flows.runner import task_runner
from flows.workers import shard_work, worker_count, worker_kind
from tasks import steps
from tasks.config import PipelineConfig
from tasks.engine import Shard, Stage
from tasks.engine.workspace import Workspace
from tasks.pipeline import STEPS, find_step


def stage(name: str, config: PipelineConfig) -> Stage:
    return find_step(name).make(config)


ON_GPU = {"precompute", "judge", "generate", "score"}


def test_the_stages_that_compute_on_a_gpu_are_those_that_the_setting_names() -> None:
    config = PipelineConfig.model_validate({"llm": {"backend": "rules"}})
    found = {step.name for step in STEPS if step.make(config).uses_gpu}
    assert found == ON_GPU & {step.name for step in STEPS}
    described = str(PipelineConfig.model_fields["gpus"].description)
    assert all(name in described for name in found)


@pytest.mark.parametrize(
    ("name", "settings", "count", "kind"),
    [
        ("ingest", {}, 2, "threads"),
        ("ingest", {"workers": 5}, 5, "threads"),
        ("ingest", {"workers": 50}, 10, "threads"),
        ("ingest", {"workers": 5, "runner": "serial"}, 1, "threads"),
        ("ingest", {"runner": "processes"}, 2, "processes"),
        ("ingest", {"runner": "dask"}, 2, "dask"),
        ("ingest", {"gpus": 8}, 2, "threads"),
        ("recaption", {"workers": 5, "gpus": 8, "llm": {"backend": "rules"}}, 1, "threads"),
        ("generate", {"workers": 5}, 1, "threads"),
        ("generate", {"gpus": 8}, 8, "processes"),
        ("generate", {"gpus": 16}, 10, "processes"),
        ("generate", {"gpus": 8, "runner": "dask"}, 8, "dask"),
        ("score", {"gpus": 4}, 4, "processes"),
        ("precompute", {"workers": 3}, 3, "threads"),
        ("precompute", {"workers": 3, "gpus": 4}, 4, "processes"),
    ],
)
def test_workers(name: str, settings: dict[str, object], count: int, kind: str) -> None:
    config = PipelineConfig.model_validate(settings)
    found = stage(name, config)
    assert (worker_count(found, config, 10), worker_kind(found, config)) == (count, kind)
    if kind != "dask":
        names = {"threads": "Thread", "processes": "ProcessPool"}
        assert type(task_runner(found, config, count)).__name__.startswith(names[kind])
        with _pool(found, config, 10) as pool:
            assert type(pool).__name__.startswith(names[kind])


def test_only_workers_with_a_gpu_each_claim_one(monkeypatch: pytest.MonkeyPatch) -> None:
    claimed: list[bool] = []
    monkeypatch.setattr(workers, "claim_gpu", lambda: claimed.append(True))
    shard = Shard(index=0, start=0, size=3, run=1, ledger=None)  # type: ignore[arg-type]
    for name, settings, expected in (
        ("generate", {"gpus": 2}, [True]), ("generate", {}, []), ("ingest", {"gpus": 2}, []),
        ("generate", {"runner": "dask"}, [True]),
    ):  # fmt: skip
        claimed.clear()
        config = PipelineConfig.model_validate(settings)
        assert shard_work(stage(name, config), config, lambda one: one.size, shard)() == 3
        assert claimed == expected, (name, settings)


def test_on_several_gpus_shards_are_small_enough_to_share(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(steps, "_up_to_date", lambda *_: None)
    monkeypatch.setattr(steps, "remember_inputs", lambda *_: None)
    monkeypatch.setattr(steps, "_known", lambda *_: None)
    monkeypatch.setattr(steps, "run_stage", lambda *_args, shard_size, **_more: sizes.append(shard_size))
    for settings in ({}, {"gpus": 2}):
        config = PipelineConfig.model_validate({"shard_size": 4, **settings})
        steps.run_step(find_step("generate"), config, Workspace(tmp_path))  # type: ignore[arg-type]
    assert sizes == [4096, 4]
