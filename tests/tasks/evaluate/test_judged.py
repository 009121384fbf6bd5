"""From judges' outputs to numbers: rows of clips and patches, values of pairs, clips of which nothing is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from data_contracts import ItemError
from model.judges.synchformer import SynchformerJudge
from tasks.evaluate.columns import COLUMN_OF, COLUMNS, DESYNC_WINDOWS, JUDGE_NAMES, Column, columns_of
from tasks.evaluate.judged import clip_values, feature_set, set_value
from tasks.evaluate.judging import Said
from tests.tasks.evaluate.fake_judges import FakeJudge

JUDGE = FakeJudge()


def said(*values: object) -> list[Said]:
    return [one if isinstance(one, str) else {"embedding": np.array(one, np.float32)} for one in values]


def test_patches_are_rows_of_their_clip_and_refused_clips_have_none() -> None:
    found = feature_set(said([[1, 2], [3, 4]], "too short", [5, 6]), "embedding")
    np.testing.assert_array_equal(found.rows, [[1, 2], [3, 4], [5, 6]])
    assert found.owners == (0, 0, 2) and found.clips == 2
    assert found.groups(["a", "b", "c"]) == ["a", "a", "c"]
    part = found.of([2, 1])
    np.testing.assert_array_equal(part.rows, [[5, 6]])
    assert part.owners == (2,) and found.of([0, 1, 2]) is found
    assert feature_set(said("x"), "embedding").rows.shape == (0, 0)


def test_pairs_without_an_answer_have_no_value() -> None:
    column = Column(name="x", judge="j", measure="likeness")
    found = clip_values(column, JUDGE, said([1, 0], "no", [0, 2], [0, 0]), said([1, 0], [1, 0], [2, 0], [1, 1]))
    assert found == {0: pytest.approx(1.0), 2: pytest.approx(0.0), 3: 0.0}  # silence resembles nothing
    assert clip_values(column, JUDGE, said("a"), said("b")) == {}


def test_divergence_is_from_the_reference_to_the_generated_clip() -> None:
    first, second = np.array([2.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    p, q = (np.exp(one) / np.exp(one).sum() for one in (second, first))
    column = Column(name="x", judge="j", measure="kl", output="embedding")
    assert clip_values(column, JUDGE, said(first), said(second))[0] == pytest.approx((p * np.log(p / q)).sum())


def test_flags_and_scales_are_read_as_they_are() -> None:
    flag = Column(name="x", judge="j", measure="flag")
    assert clip_values(flag, JUDGE, said([1.0], [0.0], "no"), []) == {0: 1.0, 1: 0.0}
    axis = Column(name="x", judge="j", measure="axis", place=1)
    assert clip_values(axis, JUDGE, said([3.0, 4.0], "no"), []) == {0: 4.0}


def test_unwanted_speech_is_what_the_reference_lacks() -> None:
    """Without a class of speech a judge cannot tell."""
    column = Column(name="x", judge="j", measure="speech", output="embedding")
    assert clip_values(column, JUDGE, said([1.0]), said([-1.0])) == {}


class Offsets(SynchformerJudge):
    """Is 0.2 s off in a clip's first window and 1 s in its last; of an empty clip it says nothing."""

    def __init__(self) -> None:
        """Loads nothing."""

    def offset_logits(self, video_S8D: torch.Tensor, audio_S6D: torch.Tensor) -> torch.Tensor:
        if not len(audio_S6D):
            raise ItemError("too_short", "too short")
        return torch.nn.functional.one_hot(torch.tensor([11, 5]), 21).float()


@pytest.mark.parametrize(("name", "value"), [("DeSync", 0.6), *zip(DESYNC_WINDOWS, (0.2, 1.0), strict=True)])
def test_desync_is_of_both_windows_or_of_one(name: str, value: float) -> None:
    heard: list[Said] = [{"segments": np.zeros((14, 1), np.float32)}, {"segments": np.zeros((0, 1), np.float32)}, "no"]
    assert clip_values(COLUMN_OF[name], Offsets(), heard, heard) == {0: pytest.approx(value)}


def test_a_single_window_is_a_column_only_where_it_is_named() -> None:
    assert not {column.name for column in columns_of("synchformer")} & set(DESYNC_WINDOWS)
    assert [column.name for column in columns_of("synchformer", DESYNC_WINDOWS)] == list(DESYNC_WINDOWS)
    assert "mean over one window" in COLUMN_OF[DESYNC_WINDOWS[0]].backend
    assert "mean over two windows" in COLUMN_OF["DeSync"].backend


def test_set_metrics_are_zero_for_the_same_set_and_grow_with_a_shift() -> None:
    rows = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    owners = list(range(60))
    for name in ("FD-corpus-cnn", "KAD-corpus-cnn"):
        values = [set_value(COLUMN_OF[name], rows + shift, rows, owners, 1) for shift in (0.0, 0.5, 2.0)]
        assert values[0] < values[1] < values[2] and values[0] < 1e-3
    assert set_value(COLUMN_OF["IS-corpus-cnn"], rows, rows, owners, 1) > 1


def test_columns_have_unique_names_and_papers_names_belong_to_published_judges() -> None:
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)
    ours = {"corpus-cnn", "mn04", "labels-corpus-cnn", "labels-mn04"}
    for column in COLUMNS:
        assert (column.judge in ours) == column.name.removesuffix(", caption").removesuffix(", video").endswith(
            f"-{column.judge.removeprefix('labels-')}"
        ), column.name
        assert column.judge in column.backend and column.metric.higher_is_better == column.higher_is_better
    assert set(JUDGE_NAMES) == {column.judge for column in COLUMNS}
