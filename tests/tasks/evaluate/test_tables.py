"""The score table (SPEC E3): mean, n, interval; the model first."""

import numpy as np
import pytest

from data_contracts import ClipScore, Score, read_table, write_table
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.evaluate.metrics import METRICS, MODEL
from tasks.evaluate.stage import EvaluateStage
from tasks.evaluate.tables import aggregate, bootstrap

PAPER_NAMES = ("FD_VGG", "IS", "CLAP", "IB-score", "DeSync", "KL", "Resemblyzer")


def row(number, system, value, *, metric="EventF1@100ms", task="vta"):
    name = f"{task}-{number}"
    return ClipScore(
        item_id=f"{name}/{system}/{metric}", parent_id=name, task=task, system=system, metric=metric, value=value
    )


def test_e3_one_row_per_task_metric_and_system_with_its_n(tmp_path):
    workspace = Workspace(tmp_path)
    rows = [row(n, system, float(n % 2)) for n in range(10) for system in ("silence", MODEL)]
    rows.append(row(0, MODEL, 1.0, metric="OnsetSyncAP"))
    write_table(workspace.table("score", "clip_scores"), ClipScore, rows)
    assert run_stage(EvaluateStage(), workspace).rows == 3
    scores = read_table(workspace.table("evaluate", "scores"), Score)
    assert [(s.metric, s.system, s.n, s.is_baseline) for s in scores] == [
        ("EventF1@100ms", MODEL, 10, False),
        ("EventF1@100ms", "silence", 10, True),
        ("OnsetSyncAP", MODEL, 1, False),
    ]
    assert scores[0].value == 0.5
    assert scores[0].ci_low < 0.5 < scores[0].ci_high
    assert (scores[2].ci_low, scores[2].ci_high) == (None, None)


def test_attributes_of_single_sounds_are_no_score():
    assert aggregate([row(0, MODEL, 3.0, metric="onset_rate_hz", task="tta")]) == []


def test_the_interval_is_seeded_and_narrows_with_n():
    values = list(np.random.default_rng(0).uniform(size=200))
    assert bootstrap(values, 1) == bootstrap(values, 1)
    wide, narrow = bootstrap(values[:10], 1), bootstrap(values, 1)
    assert wide[1] - wide[0] > narrow[1] - narrow[0]
    assert narrow[0] < np.mean(values) < narrow[1]


@pytest.mark.parametrize("name", PAPER_NAMES)
def test_e1_no_stand_in_carries_a_paper_metrics_name(name):
    assert not any(name.casefold() in metric.casefold().split() for metric in METRICS)
