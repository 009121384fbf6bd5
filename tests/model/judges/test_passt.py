"""PaSST: its front end and its transformer by loops, 10 s of input, its key layout."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from model.judges.passt import PasstNetwork, PasstSizes, log_mel
from tests.model.judges.audio_layouts import passt, tensors
from tests.model.judges.loops import attention, layer_norm, linear, mlp
from tests.model.judges.small_judges import load_small, sound

WIDTH = 128  # two heads of 64
EPS = 1e-6


def kaldi_mel(hz: float) -> float:
    return 1127.0 * math.log(1.0 + hz / 700.0)


def slow_frame(emphasised: np.ndarray, frame: int) -> list[float]:
    """128 values of one frame: 800 samples in the middle of 1024, a symmetric Hann window, power, Kaldi's triangles."""
    wide = np.concatenate([emphasised[1:513][::-1], emphasised, emphasised[-513:-1][::-1]])
    hann = np.array([0.5 - 0.5 * math.cos(2 * math.pi * n / 799) for n in range(800)])
    power = np.abs(np.fft.rfft(wide[320 * frame :][112:912] * hann, 1024)) ** 2
    edges = np.linspace(kaldi_mel(0.0), kaldi_mel(15_000.0), 130)
    places = [kaldi_mel(number * 32_000 / 1024) for number in range(512)]  # not half the sample rate
    values = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        weights = [max(0.0, min((m - low) / (middle - low), (high - m) / (high - middle))) for m in places]
        values.append((math.log(float(np.dot(weights, power[:512])) + 1e-5) + 4.5) / 5)
    return values


def test_the_front_end_is_what_loops_over_bins_give() -> None:
    samples = sound(320_000)
    made = log_mel(samples)
    assert made.shape == (128, 1000)
    emphasised = samples[1:].double().numpy() - 0.97 * samples[:-1].double().numpy()
    for frame in (0, 1, 500, 999):
        np.testing.assert_allclose(made[:, frame], slow_frame(emphasised, frame), atol=2e-4)


def slow_passt(t: dict[str, torch.Tensor], mel_MF: torch.Tensor, depth: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Patch by patch, token by token, head by head."""
    tokens = [t[f"{kind}_token"][0, 0] + t["new_pos_embed"][0, index] for index, kind in enumerate(("cls", "dist"))]
    for row in range((mel_MF.shape[0] - 16) // 10 + 1):
        for column in range((mel_MF.shape[1] - 16) // 10 + 1):
            patch = mel_MF[10 * row : 10 * row + 16, 10 * column : 10 * column + 16]
            made = torch.einsum("dyx,yx->d", t["patch_embed.proj.weight"][:, 0], patch) + t["patch_embed.proj.bias"]
            tokens.append(made + t["freq_new_pos_embed"][0, :, row, 0] + t["time_new_pos_embed"][0, :, 0, column])
    x = torch.stack(tokens)
    for layer in range(depth):
        name = f"blocks.{layer}"
        query, key, value = linear(t, f"{name}.attn.qkv", layer_norm(t, f"{name}.norm1", x, EPS)).chunk(3, dim=1)
        x = x + linear(t, f"{name}.attn.proj", attention(query, key, value))
        x = x + mlp(t, f"{name}.mlp.fc1", f"{name}.mlp.fc2", layer_norm(t, f"{name}.norm2", x, EPS))
    x = layer_norm(t, "norm", x, EPS)
    embedding = (x[0] + x[1]) / 2
    return embedding, linear(t, "head.1", layer_norm(t, "head.0", embedding))


def test_a_spectrogram_is_what_loops_over_tokens_give() -> None:
    weights = tensors(passt(WIDTH, 2, rows=3, columns=5, classes=7))
    network = PasstNetwork(PasstSizes(width=WIDTH, depth=2, rows=3, columns=5, classes=7)).eval()
    network.load_state_dict(weights)
    mel_MF = sound(36 * 46).reshape(36, 46)  # 3 rows of patches, 4 of the 5 columns
    with torch.no_grad():
        embedding, logits = network(mel_MF[None])
    for made, expected in zip((embedding[0], logits[0]), slow_passt(weights, mel_MF, 2), strict=True):
        torch.testing.assert_close(made, expected, rtol=1e-3, atol=1e-4)


def test_sounds_get_zeros_up_to_10_s_and_are_cut_there(tmp_path: Path) -> None:
    judge = load_small("passt", tmp_path)
    short, long = sound(100_000), sound(330_000, 1)
    padded = torch.nn.functional.pad(short, (0, 220_000))
    judged = judge.judge_audio([short, padded, long, long[:320_000]], seeds=[0, 1, 2, 3])
    for one, other in (judged[:2], judged[2:]):
        assert torch.equal(one["embedding"], other["embedding"]) and torch.equal(one["logits"], other["logits"])
    assert judged[0]["embedding"].shape == (64,) and judged[0]["logits"].shape == (527,)
