"""Hours per stage come from running the stages; what cannot be run is said to be unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import Augmented, read_table
from tasks.commands import stage_times
from tasks.commands.stage_times import seconds_per_item, time_lines, work_of
from tasks.config import PipelineConfig
from tasks.engine import Item, run_stage
from tasks.engine.cpu_time import cpu_seconds
from tasks.engine.workspace import Workspace
from tasks.ingest.planned import PROBED, PlannedCorpus
from tasks.pipeline import find_step
from tests.tasks.sounds import strikes, write_wav

WORK = work_of(3600, 7200, 3600, "rules", PipelineConfig())


def config_of(tmp_path: Path) -> PipelineConfig:
    """Returns settings of a corpus of three recordings."""
    names = [write_wav(tmp_path / f"{n}.wav", strikes(3.0, [0.3, 1.1, 1.9, 2.4], seed=n)).name for n in range(3)]
    table = tmp_path / "t.csv"
    table.write_text("audio,caption\n" + "".join(f"{name},A dog barks\n" for name in names))
    return PipelineConfig.model_validate(
        {
            "workspace": str(tmp_path / "w"),
            "ingest": {"corpus": {"kind": "table", "path": str(table)}},
            "augment": {"rooms": 1},
            "llm": {"backend": "rules", "paraphrases": 1},
        }
    )


def probed_of(config: PipelineConfig) -> list[Item]:
    """Returns what a plan probes."""
    plan = PlannedCorpus(config.ingest, config.dataset_version)
    assert len(list(plan)) == 3 and 0.05 < plan.flac_share < 1.0
    return plan.probed


def test_each_stage_is_measured_and_nothing_is_left_behind(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    probed = probed_of(config)
    assert 1 <= len(probed) <= PROBED
    started = cpu_seconds()
    seconds = seconds_per_item(config, probed, "rules")
    used = cpu_seconds() - started
    assert set(seconds) == {"ingest", "augment", "recaption", "paraphrase"}
    assert all(0 < value <= used for value in seconds.values())
    assert not Path(config.workspace).exists()


def test_an_endpoint_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.commands.stage_times.seconds_per_item", lambda *_: {"ingest": 0.5, "augment": 1.0})
    (line,) = time_lines(config_of(tmp_path), [Item("a", {})], WORK, "endpoint")
    assert line == (
        "time         on one core: ingest 30 min, augment 2 h; recaption, paraphrase unknown "
        "(an endpoint is not asked) (timed now on 1 recording)"
    )


def test_recordings_that_cannot_be_read_leave_the_times_unknown(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    probed = probed_of(config)
    for path in tmp_path.glob("*.wav"):
        path.write_bytes(b"RIFF")
    assert set(seconds_per_item(config, probed, "rules")) == {"ingest"}
    assert seconds_per_item(config, [], "rules") == {}
    (line,) = time_lines(config, [], WORK, "rules")
    assert "ingest, augment, recaption, paraphrase unknown (nothing could be measured)" in line


def test_a_local_model_writes_few_captions_and_its_start_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(tmp_path)
    asked: list[tuple[str, int, int | None]] = []

    def seconds(config: PipelineConfig, name: str, workspace: Workspace, clock: object) -> tuple[float, int]:
        if name == "augment":
            run_stage(find_step(name).make(config), workspace)
            return 2.0, 4
        rows = len(read_table(workspace.table("augment", Augmented.TABLE), Augmented))
        before = sum(new for one, new, _ in asked if one == name)
        asked.append((name, rows - before, config.llm.max_recaptions))
        return 5.0 + 3.0 * (rows - before), rows - before  # 5 s to start, 3 s a caption

    monkeypatch.setattr(stage_times, "_seconds", seconds)
    config = config.model_copy(update={"llm": config.llm.model_copy(update={"max_recaptions": 1})})
    found = seconds_per_item(config, probed_of(config), "embedded")
    assert found["recaption"] == found["paraphrase"] == pytest.approx(3.0)
    assert [new for name, new, _ in asked if name == "recaption"] == [1, 2]
    assert all(limit is None for *_, limit in asked), "the rules write none of those that are timed"


def test_the_work_of_a_local_model_is_what_it_may_write() -> None:
    config = PipelineConfig.model_validate({"llm": {"max_recaptions": 4, "max_paraphrased": 1}})
    assert work_of(10, 30, 90, "embedded", config) == {"ingest": 10, "augment": 30, "recaption": 4, "paraphrase": 1}
    assert work_of(10, 30, 90, "rules", config)["recaption"] == 90
    assert work_of(10, 30, 90, "embedded", PipelineConfig())["paraphrase"] == 90
