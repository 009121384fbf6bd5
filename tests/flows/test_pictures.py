"""Pictures in artifacts: the curve is where the numbers are, a change of the sound is seen, and no host is asked."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
from PIL import Image

from data_contracts import TrainMetric
from flows.pictures import in_markdown, loss_curve, spectrogram_pair
from tests.tasks.report.sample_workspace import RATE

ROW = TrainMetric(
    step=1, loss=2.0, val_loss=None, grad_norm=1.0, lr=1e-4, samples_per_s=10.0, steps_per_s=1.0, data_wait_share=0.0,
    peak_memory_gib=1.0, loss_by_t=(), mfu=None,
)  # fmt: skip


def rows(losses: list[float], validated: dict[int, float] | None = None) -> list[TrainMetric]:
    return [
        replace(ROW, step=step, loss=loss, val_loss=(validated or {}).get(step)) for step, loss in enumerate(losses, 1)
    ]


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), np.int64)


def near(picture: np.ndarray, colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Returns rows and columns of the pixels of a colour, scale labels aside."""
    found = np.abs(picture[20:, 70:] - np.array(colour)).sum(-1) < 60
    return np.nonzero(found)


LOSS, VALIDATION = (0x1F, 0x5F, 0xBF), (0xC2, 0x41, 0x0C)


def test_a_falling_loss_falls_from_left_to_right() -> None:
    heights, columns = near(pixels(loss_curve(rows([3.0 - 0.02 * step for step in range(100)]))), LOSS)
    order = np.argsort(columns)
    first, last = heights[order[:20]].mean(), heights[order[-20:]].mean()
    assert last - first > 100, "a picture's rows count downwards"


def test_the_validation_loss_is_drawn_where_it_is() -> None:
    without = near(pixels(loss_curve(rows([2.0, 1.0, 1.5, 1.0]))), VALIDATION)
    assert len(without[0]) == 0
    picture = pixels(loss_curve(rows([1.0] * 4, {1: 3.0, 4: 2.0})))
    heights, columns = near(picture, VALIDATION)
    assert heights[columns < 20].mean() < heights[columns > 450].mean()


def test_one_row_and_equal_losses_have_a_picture() -> None:
    for losses in ([2.0], [0.0], [2.0, 2.0], [1e9, 1e-9]):
        assert pixels(loss_curve(rows(losses))).shape == (240, 640, 3)


def test_before_and_after_have_one_scale() -> None:
    time_s = np.arange(2 * RATE) / RATE
    loud = (0.5 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    picture = pixels(spectrogram_pair(loud, loud[:RATE] * 0.1, RATE))
    half = picture.shape[1] // 2
    before, after = picture[18:, : half - 8].sum(-1), picture[18:, half + 8 :].sum(-1)
    white = 3 * 255
    assert (before == white).mean() < 0.05 and 0.4 < (after == white).mean() < 0.6, "half as long: half is empty"
    assert before[before < white].max() > after[after < white].max(), "20 dB quieter is darker"


def test_silence_and_the_shortest_sound_are_drawn() -> None:
    for samples in (0, 1, 100):
        assert pixels(spectrogram_pair(np.zeros(samples, np.float32), np.ones(1, np.float32), RATE)).size


def test_a_picture_is_inside_of_the_markdown() -> None:
    text = in_markdown(loss_curve(rows([1.0, 2.0])), "loss by step")
    (data,) = re.fullmatch(r"!\[loss by step\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", text).groups()  # type: ignore[union-attr]
    assert base64.b64decode(data).startswith(b"\x89PNG") and len(data) < 40_000
