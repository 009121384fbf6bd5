"""Precision and recall against labelled captions: every caption is counted once per side, and wrong ones are named."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import UsageError
from data_contracts.adverbs import DIMENSION_OF, DIMENSIONS, MINED_SIDES
from tasks.language.cues import Cue
from tasks.mine.score import SideScore, score, text

COLUMNS = ("caption", "speed", "distance", "volume", "speed_maybe", "distance_maybe", "volume_maybe")


class Oracle:
    """A miner that finds, in each caption, the sides that its words name: "fast slow" names both."""

    method = "oracle-1"

    def find(self, captions: Sequence[str]) -> list[list[Cue]]:
        return [
            [
                Cue(side=word, words=word, start=0, end=0, pos="adverb")
                for word in caption.split()
                if word in MINED_SIDES
            ]
            for caption in captions
        ]


def gold(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="none")
        writer.writeheader()
        writer.writerows(rows)
    return path


def by_side(path: Path) -> dict[str, SideScore]:
    return {side.side: side for side in score(Oracle(), path)}


def test_hits_misses_false_and_debatable_matches_are_told_apart(tmp_path: Path) -> None:
    path = gold(
        tmp_path / "gold.csv",
        {"caption": "fast", "speed": "fast"},
        {"caption": "fast slow", "speed": "both"},
        {"caption": "nothing", "speed": "fast"},
        {"caption": "fast fast"},
        {"caption": "a fast", "speed_maybe": "fast"},
    )
    fast = by_side(path)["fast"]
    assert (fast.hits, fast.misses, fast.false, fast.debatable) == (2, 1, 1, 1)
    assert fast.precision == pytest.approx(2 / 3)
    assert fast.strict_precision == pytest.approx(2 / 4)
    assert fast.recall == pytest.approx(2 / 3)
    assert set(fast.wrong) == {"missed fast: nothing", "false fast: fast fast"}
    assert by_side(path)["slow"].hits == 1


def test_no_matches_and_no_labels_are_no_errors(tmp_path: Path) -> None:
    near = by_side(gold(tmp_path / "gold.csv", {"caption": "a dog"}))["near"]
    assert (near.precision, near.strict_precision, near.recall) == (1.0, 1.0, 1.0)


LABELS = {
    dimension.name: st.sampled_from(["none", *dimension.sides, "both"])
    for dimension in DIMENSIONS.values()
    if dimension.mined
}


@given(st.lists(st.tuples(st.fixed_dictionaries(LABELS), st.sets(st.sampled_from(MINED_SIDES))), max_size=6))
def test_every_label_is_a_hit_or_a_miss(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    path = tmp_path_factory.mktemp("gold") / "gold.csv"
    gold(path, {"caption": "x"}, *({"caption": " ".join(sides) or "x", **labels} for labels, sides in rows))
    for side, found in by_side(path).items():
        labelled = sum(labels[DIMENSION_OF[side]] in (side, "both") for labels, _ in rows)
        matched = sum(side in sides for _, sides in rows)
        assert found.hits + found.misses == labelled
        assert found.hits + found.false + found.debatable == matched
        assert len(found.wrong) == found.misses + found.false


def test_the_table_for_people_has_a_line_per_side_and_the_wrong_captions(tmp_path: Path) -> None:
    path = gold(tmp_path / "gold.csv", {"caption": "nothing here", "volume": "loud"})
    shown = text(score(Oracle(), path), "oracle-1", path)
    assert all(any(line.startswith(side) for line in shown.splitlines()) for side in MINED_SIDES)
    assert "missed loud: nothing here" in shown
    assert shown.startswith("gold.csv, mined by oracle-1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"caption,speed,volume\na,none,none\n", "no column 'distance'; expected caption, speed"),
        (b"", "no column 'caption'"),
        (b"caption,speed\n\xff\xfe,none\n", "not a readable table"),
    ],
)
def test_a_table_that_cannot_be_scored_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        score(Oracle(), path)
    assert str(path) in str(caught.value)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a file; expected a CSV table of labelled captions"):
        score(Oracle(), tmp_path / "none.csv")
