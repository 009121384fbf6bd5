"""CLIP's tokens: START, END and zeros; the same whatever the case, spaces and entities of a text."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_contracts import WeightsError
from model.encoders.clip_tokens import END, PAD_ID, START, ClipTokens
from tests.model.encoders.test_clip import LENGTH, vocabulary, write_words


@pytest.fixture
def tokens(tmp_path: Path) -> ClipTokens:
    write_words(tmp_path)
    return ClipTokens.load(tmp_path, LENGTH, len(vocabulary()))


def test_every_row_starts_ends_and_is_padded_with_zeros(tokens: ClipTokens) -> None:
    known = vocabulary()
    rows = tokens(["the dog runs", "", "dog " * 50])
    assert rows.shape == (3, LENGTH) and rows.dtype == torch.int64
    assert bool((rows[:, 0] == known[START]).all())
    for row in rows.tolist():
        end = row.index(known[END])
        assert row[end + 1 :] == [PAD_ID] * (LENGTH - end - 1)
    assert rows[1].tolist()[:2] == [known[START], known[END]]
    assert int(rows[2, -1]) == known[END]  # cut, and still ended


@pytest.mark.parametrize("same", ["The DOG runs", "  the \n dog\truns ", "the&#32;dog runs", "the dog&amp;#32;runs"])
def test_case_spaces_and_entities_make_no_difference(tokens: ClipTokens, same: str) -> None:
    assert torch.equal(tokens([same]), tokens(["the dog runs"]))


def test_a_text_does_not_depend_on_the_others(tokens: ClipTokens) -> None:
    texts = ["dog", "the dog", "ab ab!"]
    together = tokens(texts)
    for index, text in enumerate(texts):
        assert torch.equal(tokens([text])[0], together[index])
    assert tokens([]).shape == (0, LENGTH)


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt"])
def test_a_missing_file_says_what_clip_needs(tmp_path: Path, name: str) -> None:
    write_words(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(WeightsError, match=rf"{name} is missing; CLIP's text needs vocab\.json and merges\.txt"):
        ClipTokens.load(tmp_path, LENGTH, len(vocabulary()))


def test_a_vocabulary_that_does_not_fit_the_weights_is_refused(tmp_path: Path) -> None:
    write_words(tmp_path)
    with pytest.raises(WeightsError, match=f"has {len(vocabulary())} tokens, the weights have 49408"):
        ClipTokens.load(tmp_path, LENGTH, 49_408)
    (tmp_path / "vocab.json").write_text("[]")
    with pytest.raises(WeightsError, match="are not a BPE vocabulary"):
        ClipTokens.load(tmp_path, LENGTH, len(vocabulary()))
