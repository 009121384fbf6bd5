"""Hours per stage come from running the stages; what cannot be run is said to be unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.commands.stage_times import cpu_s, seconds_per_item, time_lines, work_of
from tasks.config import PipelineConfig
from tasks.engine import Item
from tasks.ingest.planned import PROBED, PlannedCorpus
from tests.tasks.sounds import strikes, write_wav

WORK = work_of(3600, 7200, 3600)


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
    started = cpu_s()
    seconds = seconds_per_item(config, probed, "rules")
    used = cpu_s() - started
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
