"""How numbers are said to people: durations, sizes, counts with their noun, and computing work."""

from __future__ import annotations

from typing import Final

_SIZES: Final = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
_DURATIONS: Final = (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0))
_GPU: Final = "A100"
GPU_FLOPS: Final = 0.4 * 312e12
"""Per second: 40 % of its dense bf16 peak (NVIDIA's data sheet), as trainings reach."""
GPU_RATE: Final = f"{_GPU} at 40 % of its bf16 peak"
_DAYS_FROM_H: Final = 48.0


def size_text(count: float) -> str:
    """Returns bytes in the decimal unit that fits, with up to three digits, e.g. `812 B`, `3.4 MB`, `1.12 GB`."""
    unit, value = next(((unit, count / one) for unit, one in _SIZES if count >= 0.9995 * one), ("B", count))
    return f"{_three_digits(value)} {unit}" if unit != "B" else f"{value:.0f} B"


def duration_text(seconds: float) -> str:
    """Returns a duration in the unit that fits, with up to three digits, e.g. `0.4 s`, `3.5 h`, `2.1 days`."""
    for unit, one in _DURATIONS:
        if seconds >= (_DAYS_FROM_H * 3600 if unit == "days" else 0.9995 * one):
            return f"{_three_digits(seconds / one)} {unit}"
    return f"{_three_digits(seconds)} s"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Returns a count with its noun, e.g. `1 file`, `2 files`, `1,204 copies`; `plural` where it is not noun + s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def work_text(flops: float) -> str:
    """Returns floating-point operations as the time that one GPU takes for them, e.g. `3.5 GPU-h (A100 at 40 %)`."""
    return f"{duration_text(flops / GPU_FLOPS).replace(' ', ' GPU-', 1)} ({GPU_RATE})"


def _three_digits(value: float) -> str:
    """Returns a number with three digits at most and without zeros at the end of its fraction."""
    if value >= 99.95:
        return f"{value:,.0f}"
    text = f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".")
