"""The report says what a compared system is, with n and interval; a quantity stands there once; one point is seen."""

from __future__ import annotations

import json

from data_contracts import Score
from tasks.evaluate.baselines import CODEC_UPPER_BOUND, NOISE, PASTED, RANDOM_EVENTS, TRUTH
from tasks.evaluate.metrics import MODEL
from tasks.report.collect import Collected
from tasks.report.scoring import build_scores, role
from tasks.report.svg import Line, line_chart
from tasks.report.words import measured_words, metric_name


def score(system: str, value: float) -> Score:
    return Score(
        item_id=f"vta/EventF1@100ms/{system}", task="vta", system=system, metric="EventF1@100ms", value=value,
        ci_low=value / 2, ci_high=value, n=24, n_groups=7, is_baseline=system != MODEL, backend="b",
        higher_is_better=True,
    )  # fmt: skip


def test_the_upper_bound_is_never_called_a_baseline() -> None:
    found = [score(name, value) for name, value in
             ((NOISE, 0.0), (CODEC_UPPER_BOUND, 1.0), (RANDOM_EVENTS, 0.31), (PASTED, 0.4), (MODEL, 0.75))]  # fmt: skip
    section = build_scores(Collected(scores=found))
    cells = section.tables[0][1][0].cells
    assert [(cell.system, cell.role) for cell in cells] == [
        (MODEL, "model"), (CODEC_UPPER_BOUND, "upper bound"), (PASTED, "comparison"), (NOISE, "baseline"),
        (RANDOM_EVENTS, "baseline"),
    ]  # fmt: skip
    assert role(score(TRUTH, 1.0)) == "upper bound"
    (aim,) = section.aims
    assert (aim.best_baseline, aim.n, aim.interval, aim.met) == (
        "0.31 (random events)",
        "24 (7 groups)",
        "0.375 to 0.75",
        True,
    )


def test_a_quantity_measured_before_and_after_is_shown_once() -> None:
    measured = {"level_before_db": -36.8, "level_after_db": -53.7, "level_db": -53.9, "t60_s": 0.48}
    assert measured_words(json.dumps(measured)) == [("level", "-36.8 → -53.7 dB"), ("t60", "0.48 s")]


def test_a_curve_of_one_point_is_drawn_as_a_point() -> None:
    drawn = line_chart([Line("loss", "main", ((4.0, 2.2),))], title="t", x_label="step", y_label="loss")
    assert 'class="point main"' in drawn and "polyline" not in drawn
    drawn = line_chart([Line("loss", "main", ((4.0, 2.2), (5.0, 2.1)))], title="t", x_label="step", y_label="loss")
    assert 'class="point' not in drawn and "polyline" in drawn


def test_units_are_written_as_units() -> None:
    assert [metric_name(name) for name in ("onset_rate_hz", "EventOffset_s", "slope_db_per_s", "EventF1@100ms")] == [
        "onset rate (Hz)", "EventOffset (s)", "slope (dB/s)", "EventF1@100ms",
    ]  # fmt: skip
    assert measured_words('{"time_ratio": null}') == [("time ratio", "not measurable")]
