"""The embedded judge: level, offset, company change nothing; silence and noise are like nothing, truth is nearest."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cosine_similarity

from data_contracts import ContractError, ItemError, WeightsError
from model.judges import AudioJudge, load_judge
from model.judges.corpus_cnn import WEIGHTS, CorpusCNNJudge
from model.judges.corpus_cnn_file import read_judge
from model.judges.corpus_cnn_levels import RATE_HZ
from model.judges.protocols import Outputs
from tasks.commands.train_judge.sounds import CLASSES
from tasks.corpus.builtin import scene_audio
from tasks.corpus.materials import MATERIALS
from tasks.corpus.scene import Scene
from tasks.corpus.scenes import make_scenes

SCALARS = ("count", "rate_hz", "pitch_hz", "distance_m")


@pytest.fixture(scope="module")
def judge() -> CorpusCNNJudge:
    return CorpusCNNJudge.load()


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """Two scenes of each of eight objects, one per material; the judge was trained on another seed."""
    return make_scenes(16, has_video=True, seed=5)


@pytest.fixture(scope="module")
def sounds(scenes: list[Scene]) -> list[torch.Tensor]:
    return [torch.from_numpy(scene_audio(scene)) for scene in scenes]


@pytest.fixture(scope="module")
def said(judge: CorpusCNNJudge, sounds: list[torch.Tensor]) -> list[Outputs]:
    return judge.judge_audio(sounds, seeds=range(len(sounds)))


def noise(seconds: float = 2.0, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(round(seconds * RATE_HZ), generator=torch.Generator().manual_seed(seed))


def cosine(one: Outputs, two: Outputs) -> float:
    return float(cosine_similarity(one["embedding"], two["embedding"], dim=0))


def test_it_is_small_embedded_and_free(judge: CorpusCNNJudge) -> None:
    assert WEIGHTS.stat().st_size < 4_000_000
    assert isinstance(judge, AudioJudge)
    assert judge.spec.embedded and judge.spec.licence == "Apache-2.0" and judge.spec.is_commercial
    assert judge.spec.name == "corpus-cnn" and judge.spec.weights_sha256 == read_judge(WEIGHTS)[1].tensors_sha256


def test_its_classes_are_the_corpus_and_silence(judge: CorpusCNNJudge) -> None:
    assert judge.spec.classes == (*(one.name for one in CLASSES), "silence")
    assert set(judge.materials) == {*MATERIALS, "none"} and "strike" in judge.kinds


def test_every_output_has_its_shape_and_range(judge: CorpusCNNJudge, said: list[Outputs]) -> None:
    one = said[0]
    assert one["embedding"].shape == (128,) and one["logits"].shape == (len(judge.spec.classes),)
    for name, owners in (("kind", judge.kinds), ("material", judge.materials)):
        assert one[name].shape == (len(owners),)
        assert float(one[name].exp().sum()) == pytest.approx(1, abs=1e-5)
    assert all(one[name].shape == () and one[name].dtype == torch.float32 for name in SCALARS)
    share = one["logits"].softmax(0)
    wood = judge.materials.index("wood")
    owned = [place for place, kind in enumerate(judge.classes) if kind.material == "wood"]
    assert float(one["material"][wood].exp()) == pytest.approx(float(share[owned].sum()), abs=1e-6)


def test_a_changed_level_changes_nothing(
    judge: CorpusCNNJudge, sounds: list[torch.Tensor], said: list[Outputs]
) -> None:
    quiet = judge.judge_audio([sound * 0.25 for sound in sounds[:3]], seeds=[0, 1, 2])
    odd = judge.judge_audio([sound * 0.37 for sound in sounds[:3]], seeds=[0, 1, 2])
    for one, half, third in zip(said, quiet, odd, strict=False):
        for name, value in one.items():
            assert torch.allclose(half[name], value, atol=1e-4, rtol=1e-4, equal_nan=True)
            assert torch.allclose(third[name], value, atol=1e-2, rtol=1e-2, equal_nan=True)


def test_a_constant_offset_changes_nothing(
    judge: CorpusCNNJudge, sounds: list[torch.Tensor], said: list[Outputs]
) -> None:
    moved = judge.judge_audio([sounds[0] + 0.1], seeds=[0])[0]
    assert cosine(moved, said[0]) > 0.999


def test_company_and_seeds_change_no_bit(judge: CorpusCNNJudge, sounds: list[torch.Tensor]) -> None:
    together = judge.judge_audio([sounds[0][:40_000], noise(), sounds[3][:24_000]], seeds=[0, 1, 2])
    alone = judge.judge_audio([sounds[3][:24_000]], seeds=[9])[0]
    assert all(torch.equal(together[2][name], value) for name, value in alone.items())


def test_silence_is_like_nothing_and_has_no_events(judge: CorpusCNNJudge, said: list[Outputs]) -> None:
    for sound in (torch.zeros(RATE_HZ), torch.full((RATE_HZ,), 0.2), noise() * 1e-4):
        silent = judge.judge_audio([sound], seeds=[0])[0]
        assert judge.spec.classes[int(silent["logits"].argmax())] == "silence"
        assert float(silent["logits"].softmax(0)[-1]) > 0.999
        assert float(silent["count"]) == float(silent["rate_hz"]) == 0
        assert math.isnan(float(silent["pitch_hz"])) and math.isnan(float(silent["distance_m"]))
        assert all(cosine(silent, other) == 0 for other in [*said, silent])


def test_noise_is_noise_and_like_no_strike(judge: CorpusCNNJudge, said: list[Outputs]) -> None:
    heard = judge.judge_audio([noise(4.0)], seeds=[0])[0]
    assert judge.kinds[int(heard["kind"].argmax())] == "noise"
    assert max(cosine(heard, other) for other in said) < 0.3


def test_another_scene_of_the_object_is_nearer_than_other_objects(said: list[Outputs]) -> None:
    pairs = list(zip(said[::2], said[1::2], strict=True))
    nearer = [
        cosine(first, second) > cosine(first, other[0])
        for place, (first, second) in enumerate(pairs)
        for other in [*pairs[:place], *pairs[place + 1 :]]
    ]
    assert sum(nearer) / len(nearer) > 0.9


def test_strikes_are_counted_and_their_material_is_heard(
    judge: CorpusCNNJudge, scenes: list[Scene], said: list[Outputs]
) -> None:
    right = [
        judge.materials[int(one["material"].argmax())] == scene.material
        for scene, one in zip(scenes, said, strict=True)
    ]
    counted = [
        abs(float(one["count"]) - len(scene.event_times_s)) <= 1.5 for scene, one in zip(scenes, said, strict=True)
    ]
    assert sum(right) >= 12 and sum(counted) >= 12
    for one in said:
        assert float(one["rate_hz"]) == pytest.approx(float(one["count"]) / 8, rel=1e-5)


def test_what_it_cannot_judge_is_refused(judge: CorpusCNNJudge) -> None:
    assert judge.judge_audio([noise(0.5)], seeds=[0])[0]["logits"].isfinite().all()
    with pytest.raises(ItemError, match=r"7999 samples; it needs at least 8000 \(0.5 s\)") as refused:
        judge.judge_audio([noise(0.5)[:-1]], seeds=[0])
    assert refused.value.reason == "too_short"
    for bad, words in ((noise() * torch.nan, "not finite"), (noise()[None], "mono"), (noise().double(), "float64")):
        with pytest.raises(ContractError, match=words):
            judge.judge_audio([bad], seeds=[0])


def test_a_judge_of_your_own_is_read_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "own.safetensors").write_bytes(WEIGHTS.read_bytes())
    assert load_judge(f"corpus_cnn:{tmp_path / 'own.safetensors'}").spec == load_judge("corpus-cnn").spec
    with pytest.raises(WeightsError, match="are missing"):
        load_judge("corpus-cnn:nowhere.safetensors")
