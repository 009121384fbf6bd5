"""Measurements, writers and metrics in words that a reader understands without the code."""

from __future__ import annotations

import json
import math
import re
from typing import Final

from data_contracts.generation import BUILTIN, TRAINED
from tasks.evaluate.baselines import CODEC_UPPER_BOUND, PASTED, RANDOM_EVENTS, SHUFFLED, TRUTH
from tasks.evaluate.columns import COLUMN_OF
from tasks.evaluate.metrics.catalogue import METRICS
from tasks.report.svg import number

WRITERS: Final[dict[str, str]] = {
    "llm": "language model",
    "llm_retry": "language model, second try",
    "rule": "rules",
    "original": "original caption",
}

_CHECKPOINTS: Final = {TRAINED: "trained in this run", BUILTIN: "shipped weights"}
COMPONENTS: Final[dict[str, str]] = {
    "clip": "video encoder",
    "codec": "codec",
    "network": "network",
    "sync": "timing encoder",
    "text": "text encoder",
}
"""The components of a model by their role in the tables."""
_METRICS: Final = {
    "EventF1@100ms": "events on time, within 100 ms",
    "EventF1@50ms": "events on time, within 50 ms",
    "EventOffset_s": "timing error of events (s)",
    "OnsetSyncAP": "onsets in sync, average precision",
    "OnsetSyncAcc": "onsets in sync, share",
    "Material right": "material recognised",
    "likeness-corpus-cnn": "likeness, heard by corpus-cnn",
    "likeness-mn04": "likeness, heard by mn04",
    "silent": "silent",
    "clipped": "clipped",
    "lufs": "loudness (LUFS)",
    "level_difference_db": "louder than the true audio (dB)",
    "AdverbCheck direction right": "adverb followed",
}
_SYSTEMS: Final = {
    CODEC_UPPER_BOUND: "true audio through the codec",
    TRUTH: "true audio",
    SHUFFLED: "audio of another clip",
    RANDOM_EVENTS: "bursts at random times",
    PASTED: "reference audio, repeated",
}
_CHECKS: Final = ("dc_to_level_db", "edge_silence_s")
"""Measurements that tell whether the audio is sound, not what the change did to it."""
_UNITS: Final = {"db": "dB", "dbfs": "dBFS", "s": "s", "ms": "ms", "hz": "Hz", "m": "m"}


def measured_words(measured_json: str) -> list[tuple[str, str]]:
    """Returns (name, value) pairs of the measured effect; two values before and after become one `a → b`."""
    measured: dict[str, float | None] = json.loads(measured_json)
    pairs: list[tuple[str, str]] = []
    for key, value in measured.items():
        if key in _CHECKS:
            continue
        if (twin := _twin(key)) and twin in measured:
            continue  # shown with its `before`
        if any(_plain(other) == key for other in measured if other != key):
            continue  # the same quantity is there as a pair
        label, unit = _label(_plain(key))
        after = next((other for other in measured if _twin(other) == key), None)
        text = _value(value) if after is None else f"{_value(value)} → {_value(measured[after])}"
        pairs.append((label, f"{text} {unit}".strip()))
    return pairs


def metric_name(metric: str) -> str:
    """Returns what a metric measures, with its unit: `onset_rate_hz` becomes `onset rate (Hz)`.

    Of a metric with parts (`AdverbCheck direction right: fast/slow`) the part is kept; one that has no words here keeps
    its name.
    """
    whole, separator, part = metric.partition(": ")
    if whole in _METRICS:
        return f"{_METRICS[whole]}{separator}{part}"
    label, unit = _label(metric)
    return f"{label} ({unit})" if unit else label


def largest_value(metric: str) -> float | None:
    """Returns the largest value that a metric can have: 1 of shares and cosines; None of quantities, distances and
    other metrics without one."""
    column = COLUMN_OF.get(metric)
    known = METRICS.get(metric) if column is None else column.metric
    return None if known is None or known.range[1] == math.inf else known.range[1]


def system_name(system: str) -> str:
    """Returns what a compared system is, in words."""
    return _SYSTEMS.get(system, system)


def checkpoint_name(checkpoint: str | None) -> str:
    """Returns what the weights are in words; of other checkpoints their file's name; of baselines nothing."""
    return _CHECKPOINTS.get(checkpoint or "", checkpoint or "")


def _plain(key: str) -> str:
    """`level_before_db` -> `level_db`."""
    return re.sub(r"(^|_)before(?=$|_)", "", key).strip("_")


def _twin(key: str) -> str | None:
    """`onset_rate_after` -> `onset_rate_before`; None for keys without `after`."""
    twin = re.sub(r"(^|_)after(?=$|_)", r"\1before", key)
    return twin if twin != key else None


def _label(key: str) -> tuple[str, str]:
    if key.endswith("_db_per_s"):
        return key.removesuffix("_db_per_s").replace("_", " "), "dB/s"
    head, _, unit = key.rpartition("_")
    if head and unit in _UNITS:
        return head.replace("_", " "), _UNITS[unit]
    return key.replace("_", " "), ""


def _value(value: float | None) -> str:
    return "not measurable" if value is None else number(value)
