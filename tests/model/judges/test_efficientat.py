"""EfficientAT's mn04: equal to plain loops over its published layout, level-free; the real file where it is at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks.real_data import tagger_weights
from data_contracts import ContractError, ItemError, WeightsError
from model.judges import load_judge
from model.judges.audioset import AUDIOSET_LABELS
from model.judges.efficientat import LEVEL, RATE_HZ, SHORTEST, EfficientATJudge, MobileNet, channels
from model.judges.passt import log_mel
from model.judges.published import published_spec
from model.weights.files import read_tensors

STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1)
FIRST_HARDSWISH = 7
STEADY_NOISES = {283, 285, 288, 289, 293, 294, 295, 296, 513, 514, 515, 520, 521}
"""AudioSet's classes of wind, water, steam and noise."""


@pytest.fixture(scope="module")
def network() -> MobileNet:
    """The layout at the smallest width, with batch norms that do something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = MobileNet(width=0.1, classes=7)
        for module in made.modules():
            if isinstance(module, nn.BatchNorm2d):
                for tensor in (module.weight, module.running_var):
                    nn.init.uniform_(tensor, 0.5, 1.5)
                for tensor in (module.bias, module.running_mean):
                    nn.init.uniform_(tensor, -0.2, 0.2)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def small(network: MobileNet) -> EfficientATJudge:
    return EfficientATJudge(network, published_spec("mn04", "", ("audio",), rate_hz=RATE_HZ), torch.device("cpu"))


def noise(seconds: float = 0.5, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(round(seconds * RATE_HZ), generator=torch.Generator().manual_seed(seed))


class Plain:
    """The network a second time, read from the names of the tensors: one functional call after another."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        self.tensors = tensors

    def __call__(self, mel_MF: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = functional.hardswish(self.convolution("features.0", mel_MF[None, None], 2))
        for number, stride in enumerate(STRIDES, 1):
            x = self.block(f"features.{number}.block", x, stride, number >= FIRST_HARDSWISH)
        embedding = functional.hardswish(self.convolution("features.16", x)).mean((2, 3))[0]
        hidden = functional.hardswish(self.linear("classifier.2", embedding))
        return embedding, self.linear("classifier.5", hidden)

    def block(self, name: str, x: torch.Tensor, stride: int, hardswish: bool) -> torch.Tensor:
        parts = sorted(
            {int(key.removeprefix(f"{name}.").split(".")[0]) for key in self.tensors if key.startswith(f"{name}.")}
        )
        made, activation = x, functional.hardswish if hardswish else functional.relu
        for part in parts:
            if f"{name}.{part}.conc_se_layers.0.fc1.weight" in self.tensors:
                hidden = functional.relu(self.linear(f"{name}.{part}.conc_se_layers.0.fc1", made.mean((2, 3))))
                made = made * self.linear(f"{name}.{part}.conc_se_layers.0.fc2", hidden).sigmoid()[..., None, None]
                continue
            deep = self.tensors[f"{name}.{part}.0.weight"].shape[1] == 1
            made = self.convolution(f"{name}.{part}", made, stride if deep else 1, made.shape[1] if deep else 1)
            made = made if part == parts[-1] else activation(made)
        return made + x if made.shape == x.shape else made

    def convolution(self, name: str, x: torch.Tensor, stride: int = 1, groups: int = 1) -> torch.Tensor:
        weight = self.tensors[f"{name}.0.weight"]
        made = functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=groups)
        mean, variance, scale, shift = (
            self.tensors[f"{name}.1.{key}"][:, None, None] for key in ("running_mean", "running_var", "weight", "bias")
        )
        return (made - mean) / (variance + 1e-3).sqrt() * scale + shift

    def linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return x @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]


def test_the_network_equals_the_one_read_from_the_tensors_names(network: MobileNet) -> None:
    mel_MF = log_mel(noise())
    embedding, logits = network(mel_MF[None])
    plain = Plain(network.state_dict())(mel_MF)
    assert torch.allclose(embedding[0], plain[0], atol=1e-5) and torch.allclose(logits[0], plain[1], atol=1e-5)


def test_channels_are_multiples_of_eight_and_at_least_nine_tenths() -> None:
    assert [channels(count, 0.4) for count in (16, 24, 40, 64, 80, 112, 160, 672, 960, 1280)] == [
        8, 16, 16, 24, 32, 48, 64, 272, 384, 512
    ]  # fmt: skip
    for count in range(8, 1300, 7):
        for width in (0.1, 0.4, 1.0):
            assert channels(count, width) % 8 == 0 and channels(count, width) >= 0.9 * count * width


def test_a_changed_level_changes_nothing_and_silence_is_like_nothing(small: EfficientATJudge) -> None:
    loud, quiet, silent = small.judge_audio([noise(), noise() / 256, torch.full((RATE_HZ,), 0.3)], seeds=[0, 1, 2])
    assert torch.allclose(loud["embedding"], quiet["embedding"], atol=1e-5)
    assert torch.allclose(loud["logits"], quiet["logits"], atol=1e-5)
    assert not silent["embedding"].any() and bool(silent["logits"].isfinite().all())


def test_company_and_seeds_change_nothing(small: EfficientATJudge) -> None:
    together = small.judge_audio([noise(seed=1), noise(1.0, seed=2)], seeds=[0, 1])
    alone = small.judge_audio([noise(1.0, seed=2)], seeds=[5])
    assert all(torch.equal(together[1][name], alone[0][name]) for name in ("embedding", "logits"))


def test_what_it_cannot_judge_is_refused(small: EfficientATJudge) -> None:
    assert small.judge_audio([noise()[:SHORTEST]], seeds=[0])[0]["logits"].shape == (7,)
    with pytest.raises(ItemError, match=r"1023 samples; it needs at least 1024 \(0.032 s\)"):
        small.judge_audio([noise()[: SHORTEST - 1]], seeds=[0])
    with pytest.raises(ContractError, match="not finite"):
        small.judge_audio([noise() * torch.inf], seeds=[0])


def test_other_weights_are_refused(tmp_path: Path, network: MobileNet) -> None:
    torch.save(network.state_dict(), tmp_path / "narrow.pt")
    with pytest.raises(WeightsError, match="do not fit their layout"):
        EfficientATJudge.load(tmp_path / "narrow.pt")


@pytest.fixture(scope="module")
def published() -> Path:
    path = tagger_weights()
    if not path.is_file():
        pytest.skip(f"the published tagger's weights are not in {path}")
    return path


def test_the_published_file_fits_and_knows_noise(published: Path) -> None:
    judge = load_judge(f"mn04:{published}")
    assert isinstance(judge, EfficientATJudge)
    assert judge.spec.classes == AUDIOSET_LABELS and judge.spec.licence == "MIT" and not judge.spec.embedded
    tone = 0.1 * torch.sin(2 * torch.pi * 440 * torch.arange(2 * RATE_HZ) / RATE_HZ)
    heard, other = judge.judge_audio([noise(2.0), tone], seeds=[0, 1])
    assert heard["embedding"].shape == (384,) and heard["logits"].shape == (527,)
    assert int(heard["logits"].argmax()) in STEADY_NOISES
    assert float(functional.cosine_similarity(heard["embedding"], other["embedding"], dim=0)) < 0.9
    plain, _ = Plain(read_tensors(published).tensors)(log_mel(noise(2.0) * (LEVEL / noise(2.0).square().mean().sqrt())))
    assert np.allclose(heard["embedding"], plain, atol=1e-4)
