"""Charts as inline SVG, coloured by CSS classes; all text is escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

WIDTH: Final = 640
HEIGHT: Final = 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 14, 14, 40


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: a name, a CSS class that colours it, and its points (x, y)."""

    name: str
    css: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """One system's value of a metric, with its confidence interval if there is one."""

    value: float
    low: float | None
    high: float | None
    is_baseline: bool
    label: str


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Returns about `count` round numbers that span low..high (1, 2, 5 x 10^k apart)."""
    low, high = _widened(low, high)
    raw = (high - low) / count
    base = 10.0 ** math.floor(math.log10(raw))
    step = next(m * base for m in (1, 2, 5, 10) if m * base >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def number(value: float) -> str:
    """Returns a number with three significant digits: 1200, 12.3, 0.123, 1.2e-05."""
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-3 or size >= 1e6:
        return f"{value:.2g}"
    digits = max(0, 2 - math.floor(math.log10(size)))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def line_chart(lines: Sequence[Line], *, title: str, x_label: str) -> Markup:
    """Returns a line chart, empty without points. Hovering over a point shows its values."""
    drawn = [line for line in lines if line.points]
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for _, y in line.points]
    if not xs:
        return Markup("")
    x_ticks, y_ticks = nice_ticks(min(xs), max(xs), 6), nice_ticks(min(ys), max(ys))
    frame = _Frame(*_widened(min(xs), max(xs)), y_ticks[0], y_ticks[-1])
    body = [_grid(frame, [x for x in x_ticks if frame.x0 <= x <= frame.x1], y_ticks, x_label)]
    body += [_curve(frame, line, x_label) for line in drawn]
    return _chart(title, Markup("").join(body))


def bar_chart(values: Sequence[float], labels: Sequence[str], *, title: str) -> Markup:
    """Returns vertical bars from zero, one per value, each with its label below; hovering shows the value."""
    ticks = nice_ticks(0.0, max([*values, 1e-9]))
    frame = _Frame(0.0, float(len(values)), 0.0, ticks[-1])
    bars = Markup("").join(
        Markup(
            '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="3"><title>{}: {}</title></rect>'
        ).format(frame.x(i + 0.14), frame.y(v), frame.x(0.72) - frame.x(0), frame.y(0) - frame.y(v), label, number(v))
        + Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            frame.x(i + 0.5), HEIGHT - _BOTTOM + 18, label
        )
        for i, (v, label) in enumerate(zip(values, labels, strict=True))
    )
    body = _grid(frame, [], ticks, "") + bars
    return _chart(title, body)


def dot_strip(dots: Sequence[Dot], *, aims: Sequence[float] = (), whole: float | None = None) -> Markup:
    """Returns one metric's values over a scale: the model's dot filled, others hollow, a line at each aim.

    The scale has zero and, where the metric has a largest value, that (`whole`).
    """
    values = [v for d in dots for v in (d.value, d.low, d.high) if v is not None]
    values += [0.0, *aims, *([] if whole is None else [whole])]
    ticks = nice_ticks(min(values), max(values), 4)
    scale = 200 / (ticks[-1] - ticks[0])

    def at(value: float) -> str:
        return f"{14 + (value - ticks[0]) * scale:.1f}"

    drawn = [Markup('<line class="axis" x1="14" x2="214" y1="14" y2="14"/>')]
    for tick in ticks:
        mark = Markup('<path class="mark" d="M{0} 11v6"/><text class="tick" x="{0}" y="37">{1}</text>')
        drawn.append(mark.format(at(tick), number(tick)))
    for aim in aims:
        line = Markup('<line class="aim" x1="{0}" x2="{0}" y1="2" y2="26"><title>aim {1}</title></line>')
        drawn.append(line.format(at(aim), number(aim)))
    for dot in sorted(dots, key=lambda d: not d.is_baseline):  # the model last, on top
        css = "other" if dot.is_baseline else "model"
        if dot.low is not None and dot.high is not None:
            interval = Markup('<line class="ci {}" x1="{}" x2="{}" y1="14" y2="14"/>')
            drawn.append(interval.format(css, at(dot.low), at(dot.high)))
        circle = Markup('<circle class="dot {}" cx="{}" cy="14" r="5"><title>{} {}</title></circle>')
        drawn.append(circle.format(css, at(dot.value), dot.label, number(dot.value)))
    label = "; ".join(f"{d.label} {number(d.value)}" for d in dots)
    return Markup('<svg class="strip" viewBox="0 0 228 40" role="img" aria-label="{}">{}</svg>').format(
        label, Markup("").join(drawn)
    )


def envelope_path(levels: Sequence[float], *, peak: float) -> Markup:
    """Returns an amplitude envelope, mirrored around the middle, as an SVG that stretches; `peak` fills the height."""
    step = 200 / max(1, len(levels) - 1)
    heights = [min(1.0, level / peak) * 19 + 0.4 for level in levels]
    top = [f"{i * step:.1f},{20 - h:.1f}" for i, h in enumerate(heights)]
    bottom = [f"{i * step:.1f},{20 + h:.1f}" for i, h in reversed(list(enumerate(heights)))]
    return Markup(
        '<svg class="envelope" viewBox="0 0 200 40" preserveAspectRatio="none" aria-hidden="true">'
        '<polygon points="{}"/></svg>'
    ).format(" ".join([*top, *bottom]))


def event_ticks(times_s: Sequence[float], *, span_s: float, given_s: float = 0.0) -> Markup:
    """Returns an overlay for a spectrogram of 0..`span_s`: ticks at the known events, the given part shaded."""
    marks = Markup("").join(
        Markup('<path d="M{0:.2f} 0v9"/>').format(100 * t / span_s) for t in times_s if 0 <= t <= span_s
    )
    if given_s > 0:
        share = 100 * min(given_s / span_s, 1.0)
        marks += Markup(
            '<rect class="given" width="{0:.2f}" height="100"/><path class="seam" d="M{0:.2f} 0v100"/>'
        ).format(share)
    return Markup(
        '<svg class="events" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(marks)


def _widened(low: float, high: float) -> tuple[float, float]:
    """Returns the range, or a wider one when it is too narrow to be divided by."""
    size = max(1.0, abs(low), abs(high))
    return (low, high) if high - low > 1e-9 * size else (low, low + size)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Maps data to pixels."""

    x0: float
    x1: float
    y0: float
    y1: float

    def x(self, value: float) -> float:
        return _LEFT + (value - self.x0) / (self.x1 - self.x0) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (value - self.y0) / (self.y1 - self.y0) * (HEIGHT - _TOP - _BOTTOM)


def _chart(title: str, body: Markup) -> Markup:
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>{}</svg>').format(
        WIDTH, HEIGHT, title, title, body
    )


def _grid(frame: _Frame, x_ticks: Sequence[float], y_ticks: Sequence[float], x_label: str) -> Markup:
    rows = Markup("").join(
        Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
            _LEFT, WIDTH - _RIGHT, frame.y(y), frame.y(y)
        )
        + Markup('<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
            _LEFT - 8, frame.y(y) + 4, number(y)
        )
        for y in y_ticks
    )
    columns = Markup("").join(
        Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            frame.x(x), HEIGHT - _BOTTOM + 18, number(x)
        )
        for x in x_ticks
    )
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    label = Markup('<text class="axis-label" x="{}" y="{}" text-anchor="middle">{}</text>').format(
        middle, HEIGHT - 4, x_label
    )
    return rows + columns + label


def _curve(frame: _Frame, line: Line, x_label: str) -> Markup:
    points = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in line.points)
    every = max(1, len(line.points) // 80)
    hovers = Markup("").join(
        Markup('<circle class="hover {}" cx="{:.1f}" cy="{:.1f}" r="6"><title>{} at {} {}: {}</title></circle>').format(
            line.css, frame.x(x), frame.y(y), line.name, x_label, number(x), number(y)
        )
        for x, y in line.points[::every]
    )
    if len(line.points) == 1:  # a line of one point would be invisible
        (x, y) = line.points[0]
        drawn = Markup('<circle class="point {}" cx="{:.1f}" cy="{:.1f}" r="4"/>').format(
            line.css, frame.x(x), frame.y(y)
        )
    else:
        drawn = Markup('<polyline class="curve {}" points="{}"/>').format(line.css, points)
    return drawn + hovers
