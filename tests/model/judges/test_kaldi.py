"""Kaldi's log mel energies against a loop over frames and bands, and against torchaudio's where it is there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.judges.kaldi import fbank, frame_length


def noise(samples: int) -> torch.Tensor:
    return 0.2 * torch.randn(samples, generator=torch.Generator().manual_seed(3)) + 0.05


def mel(hz: np.ndarray | float) -> np.ndarray:
    return 1127 * np.log(1 + np.asarray(hz) / 700)


def slow_fbank(sound: np.ndarray, rate_hz: int, bands: int) -> np.ndarray:
    """Frame by frame and band by band, in float64."""
    window, hop = rate_hz // 40, rate_hz // 100
    length = 2 ** int(np.ceil(np.log2(window)))
    edges = np.linspace(mel(20.0), mel(rate_hz / 2), bands + 2)
    bins = mel(np.arange(length // 2 + 1) * rate_hz / length)
    rows = []
    for start in range(0, len(sound) - window + 1, hop):
        frame = sound[start : start + window].astype(np.float64)
        frame = frame - frame.mean()
        emphasised = [frame[0] - 0.97 * frame[0]] + [frame[i] - 0.97 * frame[i - 1] for i in range(1, window)]
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / (window - 1))
        power = np.abs(np.fft.rfft(np.array(emphasised) * hann, length)) ** 2
        row = []
        for band in range(bands):
            low, mid, high = edges[band : band + 3]
            weights = np.maximum(0, np.minimum((bins - low) / (mid - low), (high - bins) / (high - mid)))
            row.append(np.log(max(weights @ power, 2.0**-23)))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize(("rate_hz", "bands"), [(16_000, 128), (8_000, 23)])
def test_energies_are_what_loops_give(rate_hz: int, bands: int) -> None:
    sound = noise(rate_hz // 10)
    found = fbank(sound, rate_hz, bands)
    assert found.dtype == torch.float32 and found.shape == (8, bands)
    np.testing.assert_allclose(found.numpy(), slow_fbank(sound.numpy(), rate_hz, bands), rtol=1e-4, atol=1e-4)


def test_energies_are_torchaudios() -> None:
    from model.codec.torchaudio_shim import prepare_torchaudio

    prepare_torchaudio()
    kaldi = pytest.importorskip("torchaudio.compliance.kaldi")
    sound = noise(8_000)
    expected = kaldi.fbank(
        sound[None],
        htk_compat=True,
        sample_frequency=16_000,
        use_energy=False,
        window_type="hanning",
        num_mel_bins=128,
        dither=0.0,
        frame_length=25,
        frame_shift=10,
    )
    torch.testing.assert_close(fbank(sound, 16_000, 128), expected, rtol=1e-3, atol=1e-3)


def test_silence_has_the_least_energy_and_a_constant_is_silence() -> None:
    floor = torch.full((3, 20), float(np.log(2.0**-23)))
    torch.testing.assert_close(fbank(torch.zeros(800), 16_000, 20), floor)
    torch.testing.assert_close(fbank(torch.full((800,), 0.7), 16_000, 20), floor)


def test_only_whole_frames_count() -> None:
    assert frame_length(16_000) == 400
    lengths = [len(fbank(torch.zeros(samples), 16_000, 20)) for samples in (400, 559, 560, 32_000)]
    assert lengths == [1, 1, 2, 198]
