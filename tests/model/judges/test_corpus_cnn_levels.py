"""What `corpus-cnn` hears: levels relative to the loudest, sines in the bands of their pitches, loud frames first."""

from __future__ import annotations

import math

import pytest
import torch

from model.judges.corpus_cnn_levels import (
    BANDS,
    PITCH_BANDS,
    RATE_HZ,
    RelativeLevels,
    pitch_bank,
    pitch_place,
    place_pitch,
)


@pytest.fixture(scope="module")
def levels() -> RelativeLevels:
    return RelativeLevels()


def noise(seconds: float = 1.0, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, round(seconds * RATE_HZ), generator=torch.Generator().manual_seed(seed))


def sine(hz: float, seconds: float = 1.0) -> torch.Tensor:
    return torch.sin(2 * math.pi * hz * torch.arange(round(seconds * RATE_HZ)) / RATE_HZ)[None]


def test_the_loudest_is_one_and_60_db_below_is_minus_one(levels: RelativeLevels) -> None:
    heard = levels(torch.cat([noise(), noise(seed=1)]))
    assert heard.mel_B1KM.shape == (2, 1, BANDS, 100) and heard.spectrum_B2P.shape == (2, 2, PITCH_BANDS)
    assert torch.allclose(heard.mel_B1KM.amax((1, 2, 3)), torch.ones(2))
    assert torch.allclose(heard.spectrum_B2P.amax(2), torch.ones(2, 2))
    assert min(float(heard.mel_B1KM.min()), float(heard.spectrum_B2P.min())) >= -1


def test_neither_level_nor_offset_nor_company_changes_it(levels: RelativeLevels) -> None:
    audio = noise()
    heard, quiet = levels(audio), levels(audio * 1e-3 + 0.02)
    beside = levels(torch.cat([noise(seed=1), audio]))
    for one, two, three in zip(heard, quiet, beside, strict=True):
        assert torch.allclose(one, two, atol=2e-3) and torch.allclose(one[0], three[1], atol=1e-5)


@pytest.mark.parametrize("hz", [75.0, 105.0, 440.0, 1_234.5, 6_000.0])
def test_a_sine_is_loudest_in_the_band_of_its_pitch(levels: RelativeLevels, hz: float) -> None:
    place = float(pitch_place(torch.tensor(math.log2(hz))))
    bands = max(1.0, 24 * math.log2(1 + 0.5 * RATE_HZ / 2_048 / hz))  # half a bin of the STFT at low pitches
    for heard_P in levels(sine(hz)).spectrum_B2P[0]:
        assert abs(int(heard_P.argmax()) - place) <= bands


def test_places_and_pitches_are_inverse_and_an_octave_has_24_bands() -> None:
    octaves = torch.linspace(6, 12, 7)
    assert torch.allclose(place_pitch(pitch_place(octaves)), octaves, atol=1e-5)
    assert torch.allclose(pitch_place(octaves).diff(), torch.full((6,), 24.0), atol=1e-4)
    assert float(place_pitch(torch.tensor(0.0)).exp2()) == pytest.approx(55, abs=1e-3)


def test_every_band_has_a_weight_of_one_and_its_own_bins() -> None:
    bank_PF = pitch_bank()
    assert torch.allclose(bank_PF.sum(1), torch.ones(PITCH_BANDS)) and float(bank_PF.min()) == 0
    centre_P = (bank_PF @ torch.linspace(0, RATE_HZ / 2, bank_PF.shape[1])).log2()
    assert bool((centre_P.diff() > 0).all())


def test_loud_frames_count_more_in_the_mean_and_short_audio_is_heard(levels: RelativeLevels) -> None:
    loud_then_quiet = torch.cat([sine(1000.0), 0.1 * sine(1200.0)], dim=1)
    mean_P, most_P = levels(loud_then_quiet).spectrum_B2P[0]
    quiet = round(float(pitch_place(torch.tensor(math.log2(1200.0)))))
    assert float(most_P[quiet]) == pytest.approx(1 - 20 / 30, abs=0.05), "20 dB below: a third of the range of 60 dB"
    assert float(mean_P[quiet]) < float(most_P[quiet]) - 0.3
    assert levels(noise(0.5)).spectrum_B2P.isfinite().all()
