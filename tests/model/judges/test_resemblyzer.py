"""Resemblyzer: equal to plain loops in its published layout; what is emptied is said; each sound has its detector."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.real_data import resemblyzer_weights
from data_contracts import ContractError, ItemError, WeightsError
from model.judges import load_judge
from model.judges.resemblyzer import (
    RATE_HZ,
    ResemblyzerJudge,
    VoiceEncoder,
    mel_partials,
    partial_starts,
    raised,
    voiced,
    webrtc_detector,
)

KEYS = {
    **{f"lstm.weight_ih_l{layer}": (1024, 256 if layer else 40) for layer in range(3)},
    **{f"lstm.weight_hh_l{layer}": (1024, 256) for layer in range(3)},
    **{f"lstm.bias_{side}_l{layer}": (1024,) for side in ("ih", "hh") for layer in range(3)},
    "linear.weight": (256, 256),
    "linear.bias": (256,),
    "similarity_weight": (1,),
    "similarity_bias": (1,),
}
"""The published file's `model_state`."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as the package's `pretrained.pt`: the state dict beside the step and an optimiser's state."""
    generator = torch.Generator().manual_seed(0)
    state = {name: 0.1 * torch.randn(shape, generator=generator) for name, shape in KEYS.items()}
    path = tmp_path_factory.mktemp("resemblyzer") / "pretrained.pt"
    optimiser = {"state": {0: {"step": 3}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    torch.save({"step": 3, "model_state": state, "optimizer_state": optimiser}, path)
    return path


@pytest.fixture(scope="module")
def judge(weights: Path) -> ResemblyzerJudge:
    return ResemblyzerJudge.load(weights)


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> torch.Tensor:
    return level * torch.randn(round(seconds * RATE_HZ), generator=torch.Generator().manual_seed(seed))


def plain_embedding(state: dict[str, np.ndarray], mel_MB: np.ndarray) -> np.ndarray:
    """Returns the unit embedding of one partial, gate by gate, frame by frame."""

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    rows = mel_MB
    for layer in range(3):
        wi, wh = state[f"lstm.weight_ih_l{layer}"], state[f"lstm.weight_hh_l{layer}"]
        bias = state[f"lstm.bias_ih_l{layer}"] + state[f"lstm.bias_hh_l{layer}"]
        hidden = cell = np.zeros(256)
        outputs = []
        for row in rows:
            i, f, g, o = np.split(wi @ row + wh @ hidden + bias, 4)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
            hidden = sigmoid(o) * np.tanh(cell)
            outputs.append(hidden)
        rows = np.stack(outputs)
    out = np.maximum(state["linear.weight"] @ rows[-1] + state["linear.bias"], 0)
    return out / np.linalg.norm(out)


def test_the_network_has_the_published_keys() -> None:
    used = {name: shape for name, shape in KEYS.items() if not name.startswith("similarity")}
    assert {name: tuple(value.shape) for name, value in VoiceEncoder().state_dict().items()} == used


def test_an_embedding_equals_a_plain_loop(judge: ResemblyzerJudge, weights: Path) -> None:
    saved = torch.load(weights, weights_only=True)["model_state"]
    state = {name: value.double().numpy() for name, value in saved.items()}
    sound = noise(1.0, 0.2)
    (mel_MB,) = mel_partials(sound.numpy()).double().numpy()
    said = judge.judge_audio([sound], seeds=[0])[0]
    assert np.allclose(said["embedding"].numpy(), plain_embedding(state, mel_MB), atol=1e-5)
    assert float(said["embedding"].min()) >= 0 and float(said["embedding"].norm()) == pytest.approx(1)
    assert float(said["emptied"]) == 0


def test_the_embedding_of_a_longer_sound_is_the_direction_of_its_partials_mean(judge: ResemblyzerJudge) -> None:
    sound = noise(2.0, 0.2)
    partials = judge.network(mel_partials(sound.numpy()))
    assert partials.shape == (2, 256)
    mean = partials.mean(0)
    assert torch.allclose(judge.judge_audio([sound], seeds=[0])[0]["embedding"], mean / mean.norm(), atol=1e-6)


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [
        (0.01, [0]),
        (1.0, [0]),
        (1.6, [0]),
        (1.9, [0]),
        (2.0, [0, 77]),
        (3.0, [0, 77, 154]),
        (5.0, [0, 77, 154, 231, 308]),
    ],
)
def test_partials_start_1_3_times_per_second_and_the_last_one_is_three_quarters_full(
    seconds: float, starts: list[int]
) -> None:
    length = round(seconds * RATE_HZ)
    found = partial_starts(length)
    assert found == starts
    assert len(found) == 1 or (length - found[-1] * 160) / (160 * 160) >= 0.75
    assert mel_partials(np.ones(length, np.float32)).shape == (len(starts), 160, 40)


def test_only_quiet_sounds_are_raised_and_never_lowered() -> None:
    loud, quiet, silent = noise(1, 0.3).numpy(), noise(1, 0.001).numpy(), np.zeros(100, np.float32)
    assert raised(loud) is loud and raised(silent) is silent
    assert np.sqrt(np.mean(raised(quiet) ** 2)) == pytest.approx(10 ** (-30 / 20), rel=1e-4)
    assert raised(quiet).dtype == np.float32


def test_a_changed_level_below_30_dbfs_changes_nothing(judge: ResemblyzerJudge) -> None:
    one, two = judge.judge_audio([noise(2, 0.01), noise(2, 0.0025)], seeds=[0, 1])
    assert torch.allclose(one["embedding"], two["embedding"], atol=1e-6)


def flags(pattern: str) -> Callable[[bytes], bool]:
    rest = iter(pattern)
    return lambda _window: next(rest) == "1"


@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        ("0" * 30, "0" * 30),
        ("1" * 12, "1" * 12),
        ("0" * 10 + "1" * 8 + "0" * 12, "0" * 7 + "1" * 13 + "0" * 10),
        ("0" * 10 + "1" + "0" * 12, "0" * 23),
    ],
)
def test_voice_is_smoothed_and_widened(heard: str, kept: str) -> None:
    sound = np.repeat(np.arange(len(heard)) / 100, 480).astype(np.float32)
    expected = [place / 100 for place, flag in enumerate(kept) if flag == "1"]
    assert np.allclose(np.unique(voiced(np.append(sound, [9.0, 9.0]).astype(np.float32), flags(heard))), expected)


def test_without_voice_everything_is_emptied_and_said_to_be(judge: ResemblyzerJudge) -> None:
    strict = ResemblyzerJudge(judge.network, judge.spec, judge.device, lambda: lambda _window: False)
    one, two = strict.judge_audio([noise(2, 0.2), noise(2, 0.2, seed=5)], seeds=[0, 0])
    assert torch.equal(one["embedding"], two["embedding"]), "the trap: two different sounds, one embedding"
    assert float(one["emptied"]) == float(two["emptied"]) == 1
    assert float(judge.judge_audio([torch.zeros(RATE_HZ)], seeds=[0])[0]["emptied"]) == 1
    assert bool(judge.judge_audio([torch.zeros(RATE_HZ)], seeds=[0])[0]["embedding"].isfinite().all())


def test_each_sound_has_a_detector_of_its_own_and_company_changes_nothing(judge: ResemblyzerJudge) -> None:
    made = []

    def adaptive() -> Callable[[bytes], bool]:
        heard: list[bytes] = []
        made.append(heard)
        return lambda window: (heard.append(window), len(heard) > 20)[1]

    with_vad = ResemblyzerJudge(judge.network, judge.spec, judge.device, adaptive)
    together = with_vad.judge_audio([noise(3, seed=1), noise(2, seed=2)], seeds=[0, 1])
    alone = with_vad.judge_audio([noise(2, seed=2)], seeds=[7])[0]
    assert len(made) == 3
    assert torch.equal(together[1]["embedding"], alone["embedding"])


def test_short_sounds_are_padded_and_bad_ones_refused(judge: ResemblyzerJudge) -> None:
    assert judge.judge_audio([torch.ones(1)], seeds=[0])[0]["embedding"].shape == (256,)
    with pytest.raises(ItemError, match="has 0 samples"):
        judge.judge_audio([torch.zeros(0)], seeds=[0])
    with pytest.raises(ContractError, match="not finite"):
        judge.judge_audio([torch.full((RATE_HZ,), torch.nan)], seeds=[0])


def test_another_file_is_refused(tmp_path: Path, weights: Path) -> None:
    state = torch.load(weights, weights_only=True)["model_state"]
    state.pop("linear.bias")
    torch.save({"model_state": state}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"do not fit their layout.*linear.bias"):
        ResemblyzerJudge.load(tmp_path / "other.pt")


def test_its_two_names_are_registered(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = load_judge(f"resemblyzer:{weights}")
    assert plain.spec.name == "resemblyzer" and not plain.spec.embedded and plain.spec.rate_hz == RATE_HZ
    assert plain.spec.loading == "librosa"  # the package loads files with librosa
    monkeypatch.setitem(sys.modules, "webrtcvad", None)
    with pytest.raises(WeightsError, match="pip install webrtcvad-wheels`; resemblyzer does without"):
        load_judge(f"resemblyzer-vad:{weights}")


def test_webrtcs_detector_hears_no_voice_in_silence() -> None:
    pytest.importorskip("webrtcvad")
    detector = webrtc_detector()
    assert detector()(bytes(960)) is False


def test_the_published_weights_tell_sounds_apart() -> None:
    path = resemblyzer_weights()
    if path is None:
        pytest.skip("Resemblyzer's weights are not here: foleygenex weights fetch resemblyzer")
    judge = ResemblyzerJudge.load(path)
    tone = torch.sin(torch.arange(48_000) / 9)
    said = judge.judge_audio([noise(3), noise(3, seed=1), tone], seeds=[0, 1, 2])
    one, again, other = (outputs["embedding"] for outputs in said)
    assert float(one @ again) > 0.95 > float(one @ other)
