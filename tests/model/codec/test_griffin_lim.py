"""Phase reconstruction: magnitudes come back, silence is silent, equal input gives equal output, and it is local."""

from __future__ import annotations

import math

import pytest
import torch

from model.codec.griffin_lim import MOMENTUM, ROUNDS, PaddedSTFT, griffin_lim
from model.codec.log_mel import LogMel

RATE, WINDOW, HOP = 16_000, 512, 160
MEL = LogMel(RATE, WINDOW, HOP, 128)


def magnitudes(audio: torch.Tensor) -> torch.Tensor:
    spectrum = torch.stft(audio, WINDOW, HOP, window=MEL.hann, center=True, pad_mode="constant", return_complex=True)
    return spectrum.abs()[:, : len(audio) // HOP]


def reconstruct(magnitude: torch.Tensor) -> torch.Tensor:
    return griffin_lim(magnitude, MEL.hann, HOP, MEL.bank, MEL.spread)


def level_db(audio: torch.Tensor) -> float:
    return float(10 * audio.square().mean().log10())


def noise(samples: int, scale: float = 0.1) -> torch.Tensor:
    return scale * torch.randn(samples, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", ["sine", "noise", "strike"])
def test_audio_comes_back_with_its_magnitudes_and_level(kind: str) -> None:
    time_T = torch.arange(16_000) / RATE
    audio = {
        "sine": 0.3 * torch.sin(2 * math.pi * 440 * time_T),
        "noise": noise(16_000),
        "strike": noise(16_000, 0.5) * torch.exp(-((time_T - 0.4) / 0.05).clamp(min=0)) * (time_T >= 0.4),
    }[kind]
    wanted = magnitudes(audio)
    made = reconstruct(wanted)
    assert made.shape == audio.shape
    found = magnitudes(made)
    assert float((found - wanted).norm() / wanted.norm()) < 0.25
    assert abs(level_db(made) - level_db(audio)) < 0.5


def test_level_follows_the_magnitudes() -> None:
    wanted = magnitudes(noise(8000))
    quiet = reconstruct(0.01 * wanted)
    assert level_db(reconstruct(wanted)) - level_db(quiet) == pytest.approx(40, abs=0.5)


def test_silence_is_silence_and_one_frame_is_one_hop() -> None:
    assert float(reconstruct(torch.zeros(257, 20)).abs().max()) == 0
    assert reconstruct(torch.ones(257, 1)).shape == (HOP,)


def test_equal_magnitudes_give_equal_audio_whatever_the_global_seed() -> None:
    wanted = magnitudes(noise(4800))
    torch.manual_seed(1)
    first = reconstruct(wanted)
    torch.manual_seed(2)
    assert torch.equal(first, reconstruct(wanted))


def test_what_is_far_away_does_not_matter() -> None:
    """Each round reaches one window to either side, so that long audio can be decoded in pieces."""
    reach = math.ceil((ROUNDS + 1) * WINDOW / HOP)
    wanted = magnitudes(noise(4 * reach * HOP))
    changed = wanted.clone()
    changed[:, -reach:] *= 3
    same = 2 * reach * HOP
    assert torch.equal(reconstruct(wanted)[:same], reconstruct(changed)[:same])


@pytest.mark.parametrize(("window", "hop", "frames"), [(512, 160, 40), (512, 128, 9), (400, 160, 5), (512, 160, 2)])
def test_the_transform_is_that_of_torch_with_zeros_around_the_audio(window: int, hop: int, frames: int) -> None:
    """Hops that divide the window and that do not, and audio shorter than a window."""
    hann = torch.hann_window(window)
    stft = PaddedSTFT.of(hann, hop, frames)
    length = (frames - 1) * hop
    spectrum = torch.view_as_complex(noise(frames * (window // 2 + 1) * 2, 1.0).view(frames, -1, 2))
    padded = stft.audio(spectrum)
    expected = torch.istft(spectrum.T, window, hop, window=hann, center=True, length=length)
    torch.testing.assert_close(stft.cut(padded), expected, rtol=1e-4, atol=1e-5)
    back = torch.stft(expected, window, hop, window=hann, center=True, pad_mode="constant", return_complex=True)
    torch.testing.assert_close(stft.spectrum(padded), back.T, rtol=1e-4, atol=1e-4)


def test_the_first_rounds_are_those_of_the_algorithm_as_it_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before rounding errors grow: phases of the last estimate, moved on by the momentum."""
    monkeypatch.setattr("model.codec.griffin_lim.ROUNDS", 4)
    wanted = magnitudes(noise(4800))
    target = torch.cat([wanted, wanted[:, -1:]], dim=1)
    phase, before = torch.ones_like(target, dtype=torch.complex64), torch.zeros_like(target, dtype=torch.complex64)
    for _ in range(4):
        audio = torch.istft(target * phase, WINDOW, HOP, window=MEL.hann, length=4800)
        found = torch.stft(audio, WINDOW, HOP, window=MEL.hann, pad_mode="constant", return_complex=True)
        ahead = found - MOMENTUM / (1 + MOMENTUM) * before
        phase, before = ahead / (ahead.abs() + 1e-9), found
    expected = torch.istft(target * phase, WINDOW, HOP, window=MEL.hann, length=4800)
    torch.testing.assert_close(reconstruct(wanted), expected, rtol=1e-3, atol=1e-4)
