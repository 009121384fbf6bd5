"""Judges of labels: what is heard and seen becomes words; only the likeliest count, by their shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from data_contracts import ContractError, ItemError
from model.encoders.minilm import MiniLM
from model.judges import TextJudge, VideoJudge
from model.judges.labels import TOP, LabelJudge, imagenet_labels, named
from model.judges.protocols import AudioJudge, JudgeSpec, Outputs

CLASSES = ("dog barking", "rain", "a car engine", "church bell")


SPEC = JudgeSpec(
    name="told", weights_sha256="a" * 64, embedded=True, kinds=frozenset({"audio"}), licence="MIT",
    is_commercial=True, rate_hz=16_000, classes=CLASSES,
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """An audio judge that hears what the first sample says."""

    spec: JudgeSpec = SPEC

    def judge_audio(self, sounds: Sequence[torch.Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        return [{"logits": 9 * torch.eye(len(CLASSES))[round(float(sound[0]))]} for sound in sounds]


def sound(number: int) -> torch.Tensor:
    """Returns a sound in which `Told` hears a class."""
    return torch.tensor([float(number), number + 1.0, number - 1.0])


@pytest.fixture(scope="module")
def judge() -> LabelJudge:
    return LabelJudge.load(Told(), exclusive=True)


def test_its_spec_says_what_it_takes_and_what_it_is_made_of(judge: LabelJudge) -> None:
    spec = judge.spec
    assert spec.name == "labels-told" and spec.kinds == {"audio", "video", "text"} and spec.embedded
    assert (spec.rate_hz, spec.fps, judge.size, judge.fit, spec.classes) == (16_000, 1.0, 224, "crop", ())
    assert spec.weights_sha256 != Told().spec.weights_sha256 and len(spec.weights_sha256) == 64
    assert isinstance(judge, AudioJudge) and isinstance(judge, VideoJudge) and isinstance(judge, TextJudge)


def test_what_is_heard_is_nearest_to_the_caption_that_says_it(judge: LabelJudge) -> None:
    heard = judge.judge_audio([sound(number) for number in range(3)], seeds=[0, 1, 2])
    texts = judge.judge_text(["A dog is barking", "Rain falls on a roof", "A motor runs"])
    likeness = torch.stack([one["embedding"] for one in heard]) @ torch.stack([one["embedding"] for one in texts]).T
    assert likeness.argmax(1).tolist() == [0, 1, 2]
    assert all(float(one["embedding"].norm()) == pytest.approx(1, abs=1e-5) for one in (*heard, *texts))


def test_silence_has_no_words_and_is_like_nothing(judge: LabelJudge) -> None:
    silent, heard = judge.judge_audio([torch.zeros(3), sound(0)], seeds=[0, 1])
    assert not silent["embedding"].any() and heard["embedding"].any()


def test_classes_that_exclude_each_other_share_what_others_have_each_for_themselves(judge: LabelJudge) -> None:
    logits = torch.tensor([3.0, 3.0, -9.0, -9.0])
    assert torch.allclose(judge._shares(logits), logits.softmax(0))
    free = LabelJudge(judge.audio, judge.text, judge.image, False, judge.spec)
    assert torch.allclose(free._shares(logits), logits.sigmoid())


def test_names_are_embedded_once_and_only_those_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    sentences = MiniLM.sentences
    monkeypatch.setattr(MiniLM, "sentences", lambda self, texts: asked.append(len(texts)) or sentences(self, texts))
    judge = LabelJudge.load(Told(), exclusive=True)
    assert asked == []
    for number in range(2):
        judge.judge_audio([sound(number)], seeds=[0])
    assert asked == [len(CLASSES)]


def test_only_the_likeliest_labels_count_weighted_by_their_shares() -> None:
    names_KD = torch.nn.functional.normalize(torch.randn(30, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    share_K = torch.rand(30, generator=torch.Generator().manual_seed(1))
    order = sorted(range(30), key=lambda number: -float(share_K[number]))[:TOP]
    mean = sum(float(share_K[number]) * names_KD[number] for number in order)
    assert torch.allclose(named(share_K, names_KD), mean / mean.norm(), atol=1e-6)
    assert torch.allclose(named(torch.tensor([0.0, 1.0]), names_KD[:2]), names_KD[1])


def test_frames_are_seen_one_by_one_and_bad_ones_refused(judge: LabelJudge) -> None:
    names_KD = torch.randn(1000, 384, generator=torch.Generator().manual_seed(2))
    vars(judge)["image_names_KD"] = names_KD  # embedding a thousand names takes seconds
    frames = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    seen = judge.judge_video(frames)["embedding"]
    assert seen.shape == (384,) and float(seen.norm()) == pytest.approx(1, abs=1e-5)
    assert torch.equal(judge.judge_video(frames)["embedding"], seen)
    assert torch.allclose(judge.judge_video(frames[::-1].copy())["embedding"], seen, atol=1e-5)
    with pytest.raises(ContractError, match=r"expected \(n, 224, 224, 3\), uint8"):
        judge.judge_video(frames[:, :100])
    with pytest.raises(ItemError, match="got 0 frames"):
        judge.judge_video(frames[:0])


def test_imagenet_has_its_thousand_names() -> None:
    names = imagenet_labels()
    assert len(names) == 1000 and names[0] == "tench" and names[162] == "Beagle" and names[999] == "toilet paper"


def test_no_texts_give_nothing(judge: LabelJudge) -> None:
    assert judge.judge_text([]) == []
