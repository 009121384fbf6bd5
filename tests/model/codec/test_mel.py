"""MMAudio's mel spectrogram: lengths, scaling, silence, and the place of a tone."""

from __future__ import annotations

import math

import pytest
import torch

from model.codec.mel import MEL_16K, MEL_44K, Mel, MelSizes

EACH = pytest.mark.parametrize("sizes", [MEL_16K, MEL_44K], ids=["16k", "44k"])


def tone(sizes: MelSizes, hz: float, frames: int = 40, peak: float = 0.5) -> torch.Tensor:
    time_T = torch.arange(frames * sizes.hop) / sizes.sample_rate_hz
    return peak * torch.sin(2 * math.pi * hz * time_T)[None]


@EACH
@pytest.mark.parametrize("frames", [4, 5, 40])
def test_t_samples_give_t_over_hop_frames(sizes: MelSizes, frames: int) -> None:
    audio = torch.randn(3, frames * sizes.hop) * 0.1
    assert Mel(sizes)(audio).shape == (3, sizes.bands, frames)


@EACH
def test_ten_times_the_amplitude_is_a_constant_more(sizes: MelSizes) -> None:
    mel = Mel(sizes)
    quiet, loud = mel(tone(sizes, 1000, peak=0.05)), mel(tone(sizes, 1000, peak=0.5))
    strongest = quiet > quiet.amax(1, keepdim=True) - 0.5  # far above the floor
    step = math.log(10) if sizes.log == "natural" else 1.0
    assert (loud - quiet)[strongest].mean() == pytest.approx(step, abs=0.01)


@EACH
def test_silence_is_the_floor(sizes: MelSizes) -> None:
    floor = math.log(1e-5) if sizes.log == "natural" else -5.0
    silence = Mel(sizes)(torch.zeros(1, 20 * sizes.hop))
    found = silence.flatten()
    assert float(found.min()) >= floor - 1e-4
    assert float(found.max()) < floor + (3.5 if sizes.log == "natural" else 1.5)  # the root's own small constant


@EACH
def test_a_higher_tone_peaks_in_a_higher_band(sizes: MelSizes) -> None:
    mel = Mel(sizes)
    bands = [int(mel(tone(sizes, hz)).mean(-1).argmax()) for hz in (200, 800, 2000, 6000)]
    assert bands == sorted(set(bands))


@EACH
def test_audio_beyond_full_scale_is_clipped(sizes: MelSizes) -> None:
    mel = Mel(sizes)
    over = tone(sizes, 500, peak=3.0)
    assert torch.equal(mel(over), mel(over.clamp(-1, 1)))


@EACH
def test_a_batch_is_its_rows_and_no_tensor_belongs_to_a_file(sizes: MelSizes) -> None:
    mel = Mel(sizes)
    audio = torch.randn(3, 12 * sizes.hop, generator=torch.Generator().manual_seed(0)) * 0.2
    together = mel(audio)
    for row in range(3):
        assert torch.allclose(together[row], mel(audio[row : row + 1])[0], atol=1e-4)
    assert mel.state_dict() == {}
