"""Word-by-word differences: the pieces spell both captions, whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.report.diff import Piece, word_diff

words = st.lists(
    st.sampled_from(["A", "a", "dog", "Dog", "barks", "fast,", "'s", "—", "é", "\n", "  ", "."]), max_size=9
)
captions = st.one_of(words.map(" ".join), st.text(max_size=30))


def spelled(pieces: list[Piece], without: str) -> str:
    return "".join(piece.text for piece in pieces if piece.kind != without)


@settings(max_examples=200, deadline=None)
@given(before=captions, after=captions)
def test_the_pieces_spell_both_captions(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert spelled(pieces, without="added") == before
    assert spelled(pieces, without="removed") == after


@given(text=captions)
def test_equal_captions_have_no_changes(text: str) -> None:
    assert {piece.kind for piece in word_diff(text, text)} <= {"same"}


@pytest.mark.parametrize(
    ("before", "after", "removed", "added"),
    [
        ("A stick taps wood fast.", "A stick taps wood slowly.", [" fast"], [" slowly"]),
        ("A dog barks", "A dog barks loudly", [], [" loudly"]),
        ("Fast knocks", "Knocks", ["Fast knocks"], ["Knocks"]),
    ],
)
def test_only_the_changed_words_are_marked(before: str, after: str, removed: list[str], added: list[str]) -> None:
    pieces = word_diff(before, after)
    assert [piece.text for piece in pieces if piece.kind == "removed"] == removed
    assert [piece.text for piece in pieces if piece.kind == "added"] == added
