"""What is said to people: the unit fits the size, nothing that is there is said to be zero, plurals are right."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.quantities import counted, duration_text, size_text, work_text

BYTES = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
SECONDS = {"s": 1, "min": 60, "h": 3600, "days": 86400}


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (812, "812 B"), (999.9, "1 kB"), (3_400_000, "3.4 MB"), (999_950_000, "1 GB"), (1.123e9, "1.12 GB"),
     (152.3e9, "152 GB"), (4.07e12, "4.07 TB"), (5e15, "5,000 TB")],
)  # fmt: skip
def test_sizes(count: float, text: str) -> None:
    assert size_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.42, "0.42 s"), (59.99, "1 min"), (90, "1.5 min"), (7200, "2 h"), (47.5 * 3600, "47.5 h"),
     (48 * 3600, "2 days"), (8200 * 3600, "342 days")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@given(st.floats(1, 1e14))
def test_a_size_is_said_to_half_a_percent(count: float) -> None:
    value, unit = size_text(count).split()
    assert float(value.replace(",", "")) * BYTES[unit] == pytest.approx(count, rel=6e-3, abs=0.5)
    assert len(re.sub(r"\D", "", value)) <= 3 or unit == "TB"


@given(st.floats(0.1, 1e9))
def test_a_duration_is_said_to_half_a_percent(seconds: float) -> None:
    value, unit = duration_text(seconds).split()
    assert float(value.replace(",", "")) * SECONDS[unit] == pytest.approx(seconds, rel=6e-3, abs=0.006)


def test_counts_have_their_plural() -> None:
    assert [counted(n, "file") for n in (0, 1, 2, 1204)] == ["0 files", "1 file", "2 files", "1,204 files"]
    assert counted(2, "copy", "copies") == "2 copies" and counted(1, "copy", "copies") == "1 copy"


def test_work_is_said_as_time_on_a_named_gpu() -> None:
    assert work_text(124.8e12 * 86400 * 3) == "3 GPU-days (A100 at 40 % of its bf16 peak)"
    assert work_text(124.8e12 * 60) == "1 GPU-min (A100 at 40 % of its bf16 peak)"
