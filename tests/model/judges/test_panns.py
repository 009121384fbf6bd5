"""PANNs' Cnn14 at 16 kHz: its layers by hand, its key layout."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.model.judges.audio_layouts import tensors
from tests.model.judges.small_judges import load_small, small_shapes, sound


def normed(t: dict[str, torch.Tensor], name: str, x: torch.Tensor, dim: int) -> torch.Tensor:
    """Batch norm in evaluation mode over a channel dimension."""
    shape = [-1 if index == dim else 1 for index in range(x.ndim)]
    mean, var, weight, bias = (
        t[f"{name}.{part}"].reshape(shape) for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (var + 1e-5).sqrt() * weight + bias


def convolved(weight: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """3 x 3 with zeros around, as a sum over nine shifts."""
    _, height, width = maps.shape
    wide = torch.zeros(len(maps), height + 2, width + 2)
    wide[:, 1:-1, 1:-1] = maps
    made = torch.zeros(len(weight), height, width)
    for y in range(3):
        for x in range(3):
            made += torch.einsum("oc,chw->ohw", weight[:, :, y, x], wide[:, y : y + height, x : x + width])
    return made


def log_mel(t: dict[str, torch.Tensor], samples: torch.Tensor, hop: int) -> torch.Tensor:
    """(F, M) frame by frame from the file's own matrices; the sound is reflected at both ends."""
    real, imaginary = (t[f"spectrogram_extractor.stft.conv_{part}.weight"][:, 0] for part in ("real", "imag"))
    side = real.shape[1] // 2
    wide = torch.cat([samples[1 : side + 1].flip(0), samples, samples[-side - 1 : -1].flip(0)])
    rows = []
    for start in range(0, len(wide) - 2 * side + 1, hop):
        frame = wide[start : start + 2 * side]
        power = (real @ frame) ** 2 + (imaginary @ frame) ** 2
        rows.append(10 * (power @ t["logmel_extractor.melW"]).clamp(min=1e-10).log10())
    return torch.stack(rows)


def slow_cnn14(t: dict[str, torch.Tensor], samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    maps = normed(t, "bn0", log_mel(t, samples, 160), dim=1)[None]
    for number in range(1, 7):
        name = f"conv_block{number}"
        for part in (1, 2):
            maps = normed(t, f"{name}.bn{part}", convolved(t[f"{name}.conv{part}.weight"], maps), dim=0).clamp(min=0)
        if number < 6:
            rows, columns = maps.shape[1] // 2 * 2, maps.shape[2] // 2 * 2
            corners = [maps[:, y:rows:2, x:columns:2] for y in (0, 1) for x in (0, 1)]
            maps = torch.stack(corners).mean(dim=0)
    bands_CF = maps.mean(dim=2)
    pooled = bands_CF.max(dim=1).values + bands_CF.mean(dim=1)
    embedding = (t["fc1.weight"] @ pooled + t["fc1.bias"]).clamp(min=0)
    return embedding, t["fc_audioset.weight"] @ embedding + t["fc_audioset.bias"]


def test_a_sound_is_what_plain_sums_give(tmp_path: Path) -> None:
    samples = sound(9_000)
    (judged,) = load_small("panns", tmp_path).judge_audio([samples], seeds=[0])
    embedding, logits = slow_cnn14(tensors(small_shapes("panns")), samples)
    torch.testing.assert_close(judged["embedding"], embedding, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(judged["logits"], logits, rtol=1e-4, atol=1e-4)
    assert embedding.any() and len(logits) == 527
