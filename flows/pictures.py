"""Pictures for the artifacts: a loss curve, and spectrograms of a sound before and after a change.

They are PNGs inside of the Markdown, so the page asks no other host.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from data_contracts import TrainMetric
from tasks.media.samples import Samples
from tasks.report.spectrogram import COLUMNS, ROWS, loudest, power, to_png, top_hz
from tasks.report.svg import number
from tasks.report.training import running_mean

_WIDTH: Final = 640
_HEIGHT: Final = 240
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 16, 16, 36  # margins of the loss curve
_BACK: Final = "#ffffff"
_INK: Final = "#333333"
_GRID: Final = "#dddddd"
_FAINT: Final = "#b9cdea"
_LOSS: Final = "#1f5fbf"
_VALIDATION: Final = "#c2410c"
_LABEL: Final = 18  # height of a line of text, in pixels
_TICKS: Final = 4

_Points = Sequence[tuple[float, float]]


def in_markdown(png: bytes, alt: str) -> str:
    """Returns the Markdown of a picture. `alt` must be free of marks."""
    return f"![{alt}](data:image/png;base64,{base64.b64encode(png).decode()})"


def loss_curve(rows: Sequence[TrainMetric]) -> bytes:
    """Returns a PNG of the training loss (faint: logged intervals, dark: running mean) and the validation loss."""
    steps = [float(row.step) for row in rows]
    losses = [row.loss for row in rows]
    raw = list(zip(steps, losses, strict=True))
    mean = list(zip(steps, running_mean(losses), strict=True))
    validation = [(float(row.step), row.val_loss) for row in rows if row.val_loss is not None]
    image = Image.new("RGB", (_WIDTH, _HEIGHT), _BACK)
    draw = ImageDraw.Draw(image)
    place = _axes(draw, [*raw, *validation])
    for points, colour, width in ((raw, _FAINT, 1), (mean, _LOSS, 2), (validation, _VALIDATION, 2)):
        placed = [place(x, y) for x, y in points]
        if len(placed) > 1:
            draw.line(placed, fill=colour, width=width)
        elif placed:
            ((x, y),) = placed
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
    draw.text((_LEFT + 8, 2), "loss", fill=_LOSS, font=_font())
    if validation:
        draw.text((_LEFT + 60, 2), "validation loss", fill=_VALIDATION, font=_font())
    return _png(image)


def spectrogram_pair(before_T: Samples, after_T: Samples, rate_hz: int) -> bytes:
    """Returns a PNG of two sounds side by side on one scale of time, frequency and level; the left one is before."""
    span_s = max(len(before_T), len(after_T), 1) / rate_hz
    top = top_hz(rate_hz)
    powers = [power(samples_T, rate_hz, span_s=span_s, top=top) for samples_T in (before_T, after_T)]
    reference = max(loudest(one) for one in powers)
    image = Image.new("RGB", (2 * COLUMNS + 8, ROWS + _LABEL), _BACK)
    draw = ImageDraw.Draw(image)
    for number_, (label, power_RC) in enumerate(zip(("before", "after"), powers, strict=True)):
        left = number_ * (COLUMNS + 8)
        draw.text((left + 2, 2), f"{label}: 0 to {span_s:.1f} s, 0 to {top // 1000} kHz", fill=_INK, font=_font())
        picture = Image.open(io.BytesIO(to_png(power_RC, reference=reference))).convert("RGBA")
        image.paste(picture, (left, _LABEL), picture)
    return _png(image)


class _Place:
    """Where a point of the curve lies in the picture."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        self.x, self.y = x, y

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1)
        return (
            _LEFT + across * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM),
        )


def _axes(draw: ImageDraw.ImageDraw, points: _Points) -> _Place:
    """Draws scales for the points; loss from its smallest to its largest value."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    place = _Place((min(xs), max(xs)), (min(ys), max(ys)))
    for tick in range(_TICKS + 1):
        share = tick / _TICKS
        x, y = (low + share * (high - low) for low, high in (place.x, place.y))
        left, level = place(place.x[0], y)
        draw.line((left, level, _WIDTH - _RIGHT, level), fill=_GRID)
        draw.text((left - 6, level), number(y), fill=_INK, font=_font(), anchor="rm")
        across, base = place(x, place.y[0])
        draw.text((across, base + 8), f"{x:,.0f}", fill=_INK, font=_font(), anchor="ra" if tick == _TICKS else "ma")
    draw.text((_WIDTH / 2, _HEIGHT - 2), "step", fill=_INK, font=_font(), anchor="mb")
    return place


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(12)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(out, "PNG", optimize=True)
    return out.getvalue()
