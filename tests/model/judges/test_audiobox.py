"""Audiobox-Aesthetics: windows, masks and weights as its own predictor has them, from local files, nothing fetched."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from data_contracts import ContractError, ItemError, UsageError, WeightsError
from model.judges import AudioJudge, load_judge
from model.judges.audiobox import AXES, AudioboxJudge
from model.weights.catalogue import COMPONENTS

aes = pytest.importorskip("audiobox_aesthetics.model.aes", reason="the extra `eval` is not installed")

RANGES = {axis: {"mean": 5.0 + number, "std": 1.0 + number} for number, axis in enumerate(AXES)}
CONFIG = {"nth_layer": 3, "proj_num_layer": 2, "proj_ln": True, "precision": "bf16", "target_transform": RANGES}
SMALL = {
    "encoder_layers": 2,
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 64,
    "encoder_attention_heads": 4,
    "conv_feature_layers": "[(16,10,5)] + [(16,3,2)] * 4 + [(16,2,2)] * 2",
    "conv_pos": 16,
    "conv_pos_groups": 4,
}


@pytest.fixture(scope="module", autouse=True)
def small() -> object:
    """The package has one size; its sizes are replaced by small ones."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(aes.DEFAULT_AUDIO_CFG, name, value)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small: object) -> Path:
    made = tmp_path_factory.mktemp("audiobox")
    torch.manual_seed(0)
    network = aes.AesMultiOutput(**CONFIG)
    for value in network.layer_weights.values():
        torch.nn.init.normal_(value)
    save_file(network.state_dict(), made / "model.safetensors")
    (made / "config.json").write_text(json.dumps({**CONFIG, "something_newer": 1}))
    return made


@pytest.fixture(scope="module")
def judge(folder: Path) -> AudioboxJudge:
    found = load_judge(f"audiobox-aesthetics:{folder}")
    assert isinstance(found, AudioboxJudge) and isinstance(found, AudioJudge)
    return found


def sound(seconds: float, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(round(16_000 * seconds), generator=torch.Generator().manual_seed(seed))


def own_prediction(network: torch.nn.Module, audio: torch.Tensor) -> torch.Tensor:
    """What the package's predictor does with one sound: all windows in one batch, then the weighted mean."""
    wavs, masks, weights = [], [], []
    for start in range(0, len(audio), 160_000):
        window = audio[start : start + 160_000]
        wavs.append(torch.cat([window, torch.zeros(160_000 - len(window))])[None])
        masks.append((torch.arange(160_000) < len(window))[None])
        weights.append(len(window) / 160_000)
    with torch.no_grad():
        predicted = network({"wav": torch.stack(wavs), "mask": torch.stack(masks)})
    scores = []
    for axis in AXES:
        values = predicted[axis] * RANGES[axis]["std"] + RANGES[axis]["mean"]
        scores.append(sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights))
    return torch.stack(scores)


@pytest.mark.parametrize("seconds", [0.5, 8.0, 12.5])
def test_axes_are_the_weighted_mean_over_padded_windows(judge: AudioboxJudge, seconds: float) -> None:
    (outputs,) = judge.judge_audio([sound(seconds)], seeds=[0])
    assert outputs["axes"].shape == (4,) and outputs["axes"].dtype == torch.float32
    torch.testing.assert_close(outputs["axes"], own_prediction(judge.network, sound(seconds)), rtol=1e-4, atol=1e-4)


def test_silence_in_the_file_counts(judge: AudioboxJudge) -> None:
    short = sound(2.0)
    longer = torch.cat([short, torch.zeros(64_000)])
    first, second = judge.judge_audio([short, longer], seeds=[0, 0])
    assert not torch.allclose(first["axes"], second["axes"], atol=1e-4)


def test_equal_sounds_get_equal_bits_whatever_else_is_in_the_call(judge: AudioboxJudge) -> None:
    alone = judge.judge_audio([sound(1.0, 1)], seeds=[0])[0]["axes"]
    among = judge.judge_audio([sound(2.0, 2), sound(1.0, 1)], seeds=[5, 6])
    assert torch.equal(among[1]["axes"], alone)


def test_the_published_file_has_324_tensors_and_so_has_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its config: 12 layers of the encoder, 13 states, five linear layers with norms per axis."""
    monkeypatch.setattr(aes.DEFAULT_AUDIO_CFG, "encoder_layers", 12)
    network = aes.AesMultiOutput(nth_layer=13, proj_num_layer=5, proj_ln=True, target_transform=RANGES)
    names = set(network.state_dict())
    assert len(names) == 324
    assert {"layer_weights.PQ", "proj_layer.CE.12.weight", "wavlm_model.encoder.pos_conv.0.weight_g"} <= names


def test_loading_leaves_the_global_generator_alone(folder: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    load_judge(f"audiobox-aesthetics:{folder}")
    assert torch.equal(torch.rand(1), expected)


def test_the_spec_says_axes_and_licence(judge: AudioboxJudge) -> None:
    spec = judge.spec
    assert (spec.name, spec.rate_hz, spec.kinds, spec.classes) == ("audiobox-aesthetics", 16_000, {"audio"}, AXES)
    assert (spec.licence, spec.is_commercial) == ("CC BY 4.0", True)
    assert "extra `eval`" in COMPONENTS["audiobox-aesthetics"].caveat


def test_short_and_malformed_sounds_are_refused(judge: AudioboxJudge) -> None:
    with pytest.raises(ItemError, match=r"399 samples; it needs at least 400 \(0.025 s\)"):
        judge.judge_audio([torch.zeros(399)], seeds=[0])
    with pytest.raises(ContractError, match="not finite"):
        judge.judge_audio([torch.full((16_000,), torch.nan)], seeds=[0])
    with pytest.raises(ContractError, match="float32, mono"):
        judge.judge_audio([torch.zeros(16_000, dtype=torch.float16)], seeds=[0])
    assert bool(torch.isfinite(judge.judge_audio([torch.zeros(400)], seeds=[0])[0]["axes"]).all())


def test_without_the_package_one_line_says_how_to_install_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "audiobox_aesthetics.model.aes", None)
    with pytest.raises(UsageError, match=r"its package is not installed .*pip install 'foleygenex\[eval\]'"):
        load_judge(f"audiobox-aesthetics:{folder}")


def test_other_files_are_refused(folder: Path, tmp_path: Path) -> None:
    def refused(words: str) -> None:
        with pytest.raises(WeightsError, match=words):
            load_judge(f"audiobox-aesthetics:{tmp_path}")

    refused("model.safetensors are missing")
    tensors = aes.AesMultiOutput(**CONFIG).state_dict()
    del tensors["proj_layer.CE.0.bias"]
    save_file(tensors, tmp_path / "model.safetensors")
    refused("config.json is missing")
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "target_transform": {"CE": {"mean": 1.0}}}))
    refused("target_transform has no mean and std of CE, CU, PC, PQ")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    refused(r"do not fit their layout: .*proj_layer\.CE\.0\.bias")
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "precision": "fp8"}))
    refused(r"config.json does not describe audiobox-aesthetics \(KeyError\('fp8'\)\)")
