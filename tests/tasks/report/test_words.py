"""Measurements and metrics in words: units as units, a quantity once, what could not be measured said so."""

from __future__ import annotations

import json

import pytest

from tasks.evaluate import baselines
from tasks.evaluate.metrics.catalogue import METRICS
from tasks.report.words import largest_value, measured_words, metric_name, system_name


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ({"level_before_db": -36.8, "level_after_db": -53.7, "level_db": -53.9, "t60_s": 0.48},
         [("level", "-36.8 → -53.7 dB"), ("t60", "0.48 s")]),
        ({"onset_rate_after_hz": 2.6, "onset_rate_before_hz": 2.0}, [("onset rate", "2 → 2.6 Hz")]),
        ({"duration_after_s": 5.5}, [("duration after", "5.5 s")]),
        ({"time_ratio": None}, [("time ratio", "not measurable")]),
        ({"dc_to_level_db": -50.9, "edge_silence_s": 0.0}, []),
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
        ("EventOffset_s", "timing error of events (s)"),
        ("slope_db_per_s", "slope (dB/s)"),
        ("EventF1@100ms", "events on time, within 100 ms"),
        ("likeness-corpus-cnn", "likeness, heard by corpus-cnn"),
        ("AdverbCheck direction right: fast/slow", "adverb followed: fast/slow"),
        ("FD-New", "FD-New"),
        ("level_difference_db", "louder than the true audio (dB)"),
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


def test_every_metric_and_system_of_the_tables_has_a_name_of_its_own_in_plain_words() -> None:
    names = [metric_name(metric) for metric in METRICS]
    assert len(set(names)) == len(names)
    assert not any("@" in name or "_" in name or "AdverbCheck" in name or "Onset" in name for name in names)
    systems = [value for name, value in vars(baselines).items() if name.isupper() and isinstance(value, str)]
    assert len({system_name(system) for system in systems}) == len(systems) == 8
    assert system_name(baselines.CODEC_UPPER_BOUND) == "true audio through the codec" and system_name("mine") == "mine"


def test_shares_and_cosines_are_at_most_one_quantities_and_distances_have_no_largest_value() -> None:
    assert {metric for metric in METRICS if largest_value(metric) is None} == {
        "EventOffset_s", "level_difference_db", "level_dbfs", "lufs",
    }  # fmt: skip
    names = ("likeness-corpus-cnn", "CLAP_T", "unwanted speech-mn04", "FD_VGG", "KL_PANNs", "IS_PaSST", "DeSync")
    assert [largest_value(name) for name in names] == [1.0, 1.0, 1.0, None, None, None, None]
