"""The table of metrics can be read at any time of a training, and a long training says how far it is."""

from __future__ import annotations

from data_contracts import TrainMetric, read_table
from tasks.config import PipelineConfig
from tasks.engine import run_stage
from tasks.pipeline import find_step
from tasks.steps import step_state
from tasks.train import live
from tasks.train.live import LiveTable
from tasks.train.stage import TrainStage
from tests.tasks.train.features import SHORT
from tests.tasks.train.test_tensorboard import metric


def test_rows_are_in_the_table_as_they_are_logged_and_status_can_look(workspace, monkeypatch):
    monkeypatch.setattr(live, "_EVERY_S", 0.0)
    monkeypatch.setattr(LiveTable.__init__, "__defaults__", (0.0, float("-inf")))
    path, seen = workspace.table("train", TrainMetric.TABLE), []

    def look(step, *_):
        state = step_state(find_step("train"), PipelineConfig(train=SHORT), workspace)
        seen.append((step, len(read_table(path, TrainMetric)) if path.exists() else 0, state.finished))

    run_stage(TrainStage(config=SHORT, on_progress=look), workspace)
    assert dict.fromkeys(seen) == dict.fromkeys([(1, 0, False), (2, 0, False), (3, 1, False), (4, 1, False)]), (
        "the row of step 2 is there at step 3"
    )
    assert len(read_table(path, TrainMetric)) == 2


def test_rows_that_come_quickly_are_written_together(tmp_path):
    path, rows = tmp_path / "metrics.parquet", [metric(1)]
    table = LiveTable(path, rows, every_s=1000.0)
    table.add_row(rows[0])
    rows.append(metric(2))
    table.add_row(rows[1])
    assert [row.step for row in read_table(path, TrainMetric)] == [1]
    LiveTable(path, rows).add_row(rows[1])
    assert read_table(path, TrainMetric) == rows
