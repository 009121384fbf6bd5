"""The curves that every tracker shows, from a logged row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from data_contracts import TrainMetric

_SCALARS: Final = {
    "loss": "loss/train",
    "val_loss": "loss/validation",
    "grad_norm": "optimiser/gradient_norm",
    "lr": "optimiser/learning_rate",
    "steps_per_s": "speed/steps_per_s",
    "samples_per_s": "speed/samples_per_s",
    "data_wait_share": "speed/data_wait_share",
    "mfu": "speed/mfu",
    "peak_memory_gib": "speed/peak_memory_gib",
    "skipped": "optimiser/skipped_steps",
}


def scalars_of(row: TrainMetric) -> Iterator[tuple[str, float]]:
    """Yields the row's values under the names that every tracker shows; its loss by flow time as one per tenth."""
    for name, tag in _SCALARS.items():
        value = getattr(row, name)
        if value is not None:
            yield tag, value
    for number, loss in enumerate(row.loss_by_t):
        yield f"loss_by_t/{number}", loss
