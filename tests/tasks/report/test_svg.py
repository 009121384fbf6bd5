"""Charts as SVG: valid XML, escaped text, points where the data is."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.report.svg import (
    HEIGHT,
    WIDTH,
    Dot,
    Line,
    bar_chart,
    dot_strip,
    envelope_path,
    event_ticks,
    line_chart,
    nice_ticks,
    number,
)

HOSTILE = "</svg><script>alert(1)</script>\"'&"
finite = st.floats(-1e9, 1e9, allow_nan=False)


def line(name: str, *points: tuple[float, float], css: str = "main") -> Line:
    return Line(name, css, points)


def drawn(*lines: Line, title: str = "title") -> str:
    return str(line_chart(lines, title=title, x_label="step"))


@settings(max_examples=150, deadline=None)
@given(low=finite, span=st.floats(1e-6, 1e9), count=st.integers(2, 8))
def test_ticks_span_the_data_in_equal_round_steps(low: float, span: float, count: int) -> None:
    high = low + span
    ticks = nice_ticks(low, high, count)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert ticks[0] <= low + slack and ticks[-1] >= high - slack
    assert ticks == sorted(ticks) and len(ticks) <= 2 * count + 3


def test_ticks_of_a_single_value_span_one() -> None:
    assert nice_ticks(3.0, 3.0)[0] <= 3.0 and nice_ticks(3.0, 3.0)[-1] >= 4.0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1200, "1200"), (12.34, "12.3"), (0.1234, "0.123"), (0.5, "0.5"), (1.2e-5, "1.2e-05"), (-7.0, "-7"),
     (3e7, "3e+07"), (999.4, "999")],
)  # fmt: skip
def test_numbers_are_written_with_three_digits(value: float, text: str) -> None:
    assert number(value) == text


@given(value=finite)
def test_a_written_number_is_within_a_percent_of_the_value(value: float) -> None:
    assert float(number(value)) == pytest.approx(value, rel=0.051)


def test_every_chart_is_valid_xml_and_escapes_its_text() -> None:
    charts = [
        drawn(line(HOSTILE, (0, 1), (1, 2)), title=HOSTILE),
        str(bar_chart([1.0, 2.0], [HOSTILE, "b"], title=HOSTILE)),
        str(dot_strip([Dot(0.5, 0.4, 0.6, False, HOSTILE)], aims=[0.7])),
        str(envelope_path([0.0, 0.5, 1.0], peak=1.0)),
        str(event_ticks([0.5, 1.0], span_s=2.0, given_s=0.5)),
    ]
    for chart in charts:
        root = ElementTree.fromstring(chart)
        assert root.tag == "svg" and not any(element.tag == "script" for element in root.iter())


@settings(max_examples=60, deadline=None)
@given(points=st.lists(st.tuples(finite, finite), min_size=2, max_size=12))
def test_points_of_a_line_lie_within_the_chart(points: list[tuple[float, float]]) -> None:
    (coordinates,) = re.findall(r'polyline class="curve main" points="([^"]*)"', drawn(line("a", *points)))
    for pair in coordinates.split():
        x, y = map(float, pair.split(","))
        assert -1 <= x <= WIDTH + 1 and -1 <= y <= HEIGHT + 1


def test_a_curve_of_one_point_is_drawn_as_a_point_and_none_as_nothing() -> None:
    assert 'class="point main"' in drawn(line("loss", (4.0, 2.2))) and "polyline" not in drawn(line("loss", (4.0, 2.2)))
    assert 'class="point' not in drawn(line("loss", (4.0, 2.2), (5.0, 2.1)))
    assert drawn() == drawn(line("empty")) == ""


def test_a_higher_bar_is_taller_and_every_bar_has_its_label() -> None:
    root = ElementTree.fromstring(str(bar_chart([1.0, 4.0, 2.0], ["a", "b", "c"], title="t")))
    bars = [element for element in root.iter() if element.get("class") == "bar"]
    heights = [float(str(bar.get("height"))) for bar in bars]
    assert heights[1] == max(heights) and heights[1] == pytest.approx(4 * heights[0], abs=0.3)
    assert {"a", "b", "c"} <= {element.text for element in root.iter() if element.text}


def test_values_lie_on_the_strip_in_their_order_with_the_model_on_top() -> None:
    dots = [Dot(0.9, 0.8, 1.0, False, "model"), Dot(0.2, None, None, True, "noise"), Dot(0.5, 0.4, 0.6, True, "other")]
    root = ElementTree.fromstring(str(dot_strip(dots, aims=[0.7])))
    circles = [element for element in root.iter() if element.tag == "circle"]
    at = {str(next(iter(circle)).text).split()[0]: float(str(circle.get("cx"))) for circle in circles}
    assert at["noise"] < at["other"] < at["model"] and "model" in str(circles[-1].get("class"))
    intervals = [element for element in root.iter() if str(element.get("class")).startswith("ci")]
    assert len(intervals) == 2  # the noise has none
    (aim,) = [element for element in root.iter() if element.get("class") == "aim"]
    assert at["other"] < float(str(aim.get("x1"))) < at["model"]
    assert root.get("aria-label") == "model 0.9; noise 0.2; other 0.5"


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=5), aim=st.none() | st.floats(-1e3, 1e3))
def test_a_strip_has_a_scale_on_which_every_value_can_be_read(values: list[float], aim: float | None) -> None:
    dots = [Dot(value, None, None, True, "x") for value in values]
    root = ElementTree.fromstring(str(dot_strip(dots, aims=[] if aim is None else [aim])))
    labels = [element for element in root.iter() if element.get("class") == "tick"]
    places = [(float(str(label.get("x"))), float(str(label.text))) for label in labels]
    assert len(places) >= 2 and places == sorted(places)
    (x0, v0), (x1, v1) = places[0], places[-1]
    assert (x0, x1) == (14, 214) and v0 <= 0 <= v1
    circles = [element for element in root.iter() if element.tag == "circle"]
    for circle, value in zip(circles, values, strict=True):
        read = v0 + (float(str(circle.get("cx"))) - x0) * (v1 - v0) / (x1 - x0)
        assert read == pytest.approx(value, abs=0.012 * (v1 - v0))


@pytest.mark.parametrize("values", [[-0.3, 0.1], [0.0, 0.0], [3.0, 40.0]])
def test_a_strip_fits_any_values(values: list[float]) -> None:
    root = ElementTree.fromstring(str(dot_strip([Dot(v, v, v, True, "x") for v in values])))
    for circle in (element for element in root.iter() if element.tag == "circle"):
        assert 14 <= float(str(circle.get("cx"))) <= 214


def test_ticks_outside_of_the_span_are_left_out_and_the_given_part_is_shaded() -> None:
    marks = str(event_ticks([-1.0, 0.5, 1.0, 2.5], span_s=2.0))
    assert re.findall(r"M([\d.]+) 0v9", marks) == ["25.00", "50.00"] and "given" not in marks
    assert 'width="25.00"' in str(event_ticks([], span_s=2.0, given_s=0.5))
    assert 'width="100.00"' in str(event_ticks([], span_s=2.0, given_s=9.0))


def test_an_envelope_is_mirrored_and_clipped_at_the_peak() -> None:
    (points,) = re.findall(r'points="([^"]*)"', str(envelope_path([0.0, 1.0, 5.0], peak=1.0)))
    heights = [float(pair.split(",")[1]) for pair in points.split()]
    assert [40 - height for height in heights[:3]] == pytest.approx(heights[3:][::-1])
    assert min(heights) >= 0 and max(heights) <= 40 and heights[1] == heights[2]
