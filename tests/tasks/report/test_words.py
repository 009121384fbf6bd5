"""Measurements and metrics in words: units as units, a quantity once, what could not be measured said so."""

from __future__ import annotations

import json

import pytest

from tasks.report.words import measured_words, metric_name


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ({"level_before_db": -36.8, "level_after_db": -53.7, "level_db": -53.9, "t60_s": 0.48},
         [("level", "-36.8 → -53.7 dB"), ("t60", "0.48 s")]),
        ({"onset_rate_after_hz": 2.6, "onset_rate_before_hz": 2.0}, [("onset rate", "2 → 2.6 Hz")]),
        ({"duration_after_s": 5.5}, [("duration after", "5.5 s")]),
        ({"time_ratio": None}, [("time ratio", "not measurable")]),
        ({"slope_db_per_s": 2.5, "pitch_ratio": 1.2986}, [("slope", "2.5 dB/s"), ("pitch ratio", "1.3")]),
        ({}, []),
    ],
)  # fmt: skip
def test_measurements_are_written_with_their_units_and_once(measured: dict[str, float], words: list[str]) -> None:
    assert measured_words(json.dumps(measured)) == words


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("onset_rate_hz", "onset rate (Hz)"),
        ("EventOffset_s", "EventOffset (s)"),
        ("slope_db_per_s", "slope (dB/s)"),
        ("EventF1@100ms", "EventF1@100ms"),
        ("Timbre-cos", "Timbre-cos"),
        ("level_difference_db", "level difference (dB)"),
        ("level_dbfs", "level (dBFS)"),
        ("s", "s"),
    ],
)
def test_metrics_are_named_with_their_units(metric: str, name: str) -> None:
    assert metric_name(metric) == name


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_the_keys_decides_only_the_order_of_the_words(order: int) -> None:
    measured = {"level_before_db": -36.8, "level_after_db": -53.7, "duration_before_s": 8.0, "duration_after_s": 5.5,
                "pitch_ratio": 1.3}  # fmt: skip
    words = measured_words(json.dumps(dict(list(measured.items())[::order])))
    assert sorted(words) == [("duration", "8 → 5.5 s"), ("level", "-36.8 → -53.7 dB"), ("pitch ratio", "1.3")]
