"""PANNs' Cnn14 at 16 kHz: its layers by hand, its key layout."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.model.judges.audio_layouts import tensors
from tests.model.judges.loops import batch_norm, convolved, log_mel
from tests.model.judges.small_judges import load_small, small_shapes, sound


def slow_cnn14(t: dict[str, torch.Tensor], samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    maps = batch_norm(t, "bn0", log_mel(t, samples, 160), dim=1)[None]
    for number in range(1, 7):
        name = f"conv_block{number}"
        for part in (1, 2):
            maps = batch_norm(t, f"{name}.bn{part}", convolved(t[f"{name}.conv{part}.weight"], maps), dim=0).clamp(
                min=0
            )
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
