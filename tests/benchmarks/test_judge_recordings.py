"""Measures of the judges: R@1 and AUC equal their definitions; sounds reach a judge at its own rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.judge_recordings import ESC10, Heard, esc10, hits_at_1, nearest, pairs_auc, videos
from model.judges.audioset import AUDIOSET_LABELS
from model.judges.protocols import JudgeSpec, Outputs

SPEC = JudgeSpec(
    name="length", weights_sha256="", embedded=True, kinds=frozenset({"audio"}), licence="", is_commercial=True,
    rate_hz=32_000,
)  # fmt: skip


@dataclass(frozen=True)
class Length:
    """A judge that says how many samples it was given."""

    spec: JudgeSpec = SPEC

    def judge_audio(self, sounds: Sequence[torch.Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        return [{"embedding": torch.tensor([float(len(sound))])} for sound in sounds]


def test_every_class_has_labels_of_audioset() -> None:
    assert len(ESC10) == 10
    assert all(label in AUDIOSET_LABELS for named in ESC10.values() for label in named.labels)


def test_a_sound_reaches_the_judge_at_its_rate() -> None:
    heard = Heard(Length())
    assert float(heard.embedding(np.zeros(8000, np.float32))) == 16_000
    assert float(heard.embedding(np.zeros(32_000, np.float32), 32_000)) == 32_000


@pytest.mark.parametrize(
    ("likeness", "recall", "auc"),
    [
        (np.eye(3), 1.0, 1.0),
        (np.zeros((3, 3)), 0.0, 0.5),
        (1 - np.eye(3), 0.0, 0.0),
        (np.array([[0.9, 0.1], [0.95, 0.2]]), 0.5, 0.5),
    ],
)
def test_recall_and_auc(likeness: np.ndarray, recall: float, auc: float) -> None:
    assert hits_at_1(likeness).mean() == recall and pairs_auc(likeness) == auc


def test_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    likeness = np.random.default_rng(0).random((6, 6))
    own = [likeness[row, row] for row in range(6)]
    others = [likeness[row, column] for row in range(6) for column in range(6) if row != column]
    assert pairs_auc(likeness) == pytest.approx(np.mean([one > other for one in own for other in others]))


def test_the_nearest_is_of_another_upload() -> None:
    rows = [torch.tensor(row) for row in ([1.0, 0], [1, 0.01], [0.9, 0.2], [0, 1])]
    assert nearest(rows, ["a", "a", "b", "c"]) == [2, 2, 1, 2]


def test_absent_recordings_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert esc10(tmp_path) == videos(tmp_path) == []
    assert f"no recordings in {tmp_path}: skipped" in capsys.readouterr().out
