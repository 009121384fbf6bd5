"""Measurements, writers and metrics in words that a reader understands without the code."""

from __future__ import annotations

import re
from typing import Any, Final

from tasks.report.collect import parse_json
from tasks.report.svg import number

WRITERS: Final[dict[str, str]] = {
    "llm": "language model",
    "llm_retry": "language model, second try",
    "enum": "language model, choosing among rule candidates",
    "rule": "rules",
    "original": "original caption",
}

_UNITS: Final = {"db": "dB", "s": "s", "ms": "ms", "hz": "Hz", "m": "m", "share": "", "percent": "%"}


def measured_words(measured_json: str) -> list[tuple[str, str]]:
    """Returns (name, value) pairs of the measured effect; two values before and after become one `a → b`."""
    measured = _flat(parse_json(measured_json))
    pairs: list[tuple[str, str]] = []
    for key, value in measured.items():
        if (twin := _twin(key)) and twin in measured:
            continue  # shown with its `before`
        if any(_plain(other) == key for other in measured if other != key):
            continue  # the same quantity is there as a pair
        name = _plain(key)
        after = next((measured[k] for k in measured if k != key and _twin(k) == key), None)
        label, unit = _label(name)
        text = _value(value) if after is None else f"{_value(value)} → {_value(after)}"
        pairs.append((label, f"{text} {unit}".strip()))
    return pairs


def metric_name(metric: str) -> str:
    """Returns a metric's name with its unit: `onset_rate_hz` becomes `onset rate (Hz)`; mixed case is kept."""
    label, unit = _label(metric)
    return f"{label} ({unit})" if unit else label


def aim_for(task: str, metric: str) -> float | None:
    """Returns the project's aim: EventF1@100ms of VTA at least 0.7, adverb direction right in 80 % of pairs."""
    plain = re.sub(r"[^a-z0-9]", "", metric.casefold())
    if task == "vta" and "eventf1" in plain and "100" in plain:
        return 0.7
    return 0.8 if "adverb" in plain and ("direction" in plain or "right" in plain) else None


def _plain(key: str) -> str:
    """`level_before_db` -> `level_db`."""
    return re.sub(r"(^|[_.])before(?=$|[_.])", "", key).strip("_.")


def _twin(key: str) -> str | None:
    """`onset_rate_after` -> `onset_rate_before`; None for keys without `after`."""
    twin = re.sub(r"(^|[_.])after(?=$|[_.])", r"\1before", key)
    return twin if twin != key else None


def _label(key: str) -> tuple[str, str]:
    if key.endswith("_db_per_s"):
        return key.removesuffix("_db_per_s").replace("_", " "), "dB/s"
    head, _, unit = key.rpartition("_")
    if head and unit in _UNITS:
        return head.replace("_", " ").replace(".", " "), _UNITS[unit]
    return key.replace("_", " ").replace(".", " "), ""


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(float(value))
    if isinstance(value, list):
        return " × ".join(_value(v) for v in value) if len(value) <= 4 else f"{len(value)} values"
    return "not measurable" if value is None else str(value)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Flattens nested mappings to dotted keys; anything else becomes one entry."""
    if not isinstance(value, dict):
        return {prefix or "value": value}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        flat.update(_flat(inner, name) if isinstance(inner, dict) else {name: inner})
    return flat
