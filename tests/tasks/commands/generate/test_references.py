"""The reference and its surrogate video: what is imitated, how much is read, what is refused (SPEC G4, G8)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import torch
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import UsageError
from tasks.commands.generate.inputs import surrogate_frames
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import Generation, generate_file
from tasks.media import blocks
from tests.tasks.commands.generate.toys import RATE, SPECS, inputs, noise, options


def test_g4_the_surrogate_repeats_the_targets_frames(files, tmp_path):
    given = options(files, "ac-vta", tmp_path / "a.wav", duration_s=0.6)
    request = Generation(given, InferenceSession.open(given.checkpoint)).single()
    assert request.reference_NF.shape == (22, 4)  # 0.9 s in whole video frames
    assert torch.equal(request.reference_sync_SD[:15], request.sync_SD)
    assert torch.equal(request.reference_sync_SD[15:22], request.sync_SD[:7])


def test_g4_a_reference_of_any_length_is_imitated(files, tmp_path):
    """Longer than a clip: its beginning; as short as one position: that."""
    rng = np.random.default_rng(6)
    for seconds, frames in ((7.0, 50), (2.0, 50), (0.05, 1)):
        sf.write(tmp_path / "r.wav", 0.2 * rng.standard_normal(round(seconds * RATE)), RATE)
        given = options(files, "ac-vta", tmp_path / "a.wav", reference_audio=tmp_path / "r.wav")
        request = Generation(given, InferenceSession.open(given.checkpoint)).single()
        assert len(request.reference_NF) == frames
        assert len(request.reference_sync_SD) == SPECS.sync.length(frames / 25)
        assert len(sf.read(generate_file(given))[0]) == 2000


@pytest.mark.parametrize("kind", ["crop", "blank", "repeat", "true"])
def test_g4_and_g8_surrogates(files, tmp_path, kind):
    """Blank: black frames (S1); repeat: the first two seconds over and over (S2); true: the reference's video (S3)."""
    rng = np.random.default_rng(7)
    sf.write(tmp_path / "r.wav", 0.2 * rng.standard_normal(3000), RATE)
    video = {"reference_video": files / "other.mp4"} if kind == "true" else {}
    given = options(files, "ac-vta", tmp_path / "a.wav", video=files / "long.mp4", duration_s=3.0,
                    reference_audio=tmp_path / "r.wav", surrogate=kind, **video)  # fmt: skip
    session = InferenceSession.open(given.checkpoint)
    session = replace(session, info=replace(session.info, clip_s=3.0))
    got = Generation(given, session).single()
    target = got.sync_SD
    expected = {
        "crop": target,
        "blank": torch.zeros_like(target),
        "repeat": torch.cat([target[:50], target[:25]]),
        "true": Generation(replace(given, video=files / "other.mp4", surrogate=None, reference_video=None), session)
        .single()
        .sync_SD,
    }[kind]
    assert torch.equal(got.reference_sync_SD, expected)


@given(st.integers(1, 40), st.integers(0, 120), st.sampled_from(["crop", "blank", "repeat"]), st.floats(1, 30))
def test_a_surrogate_has_the_length_asked_for_and_only_frames_of_the_target(
    target: int, count: int, kind: Any, fps: float
) -> None:
    frames = np.arange(1, target + 1, dtype=np.uint8)[:, None, None, None].repeat(3, axis=-1)
    found = surrogate_frames(frames, count, kind, fps)
    assert found.shape == (count, 1, 1, 3) and found.dtype == np.uint8
    if kind == "blank":
        assert not found.any()
    else:
        period = target if kind == "crop" else min(target, round(2 * fps))
        assert found[:, 0, 0, 0].tolist() == [1 + number % period for number in range(count)]


def test_a_variants_own_surrogate_counts_unless_one_is_asked_for(files: Path, session: InferenceSession) -> None:
    true = replace(session, variant=replace(session.variant, name="mmaudio-s3", surrogate="true"))
    with pytest.raises(UsageError, match="variant mmaudio-s3 needs --reference-video"):
        inputs(files, true, "ac-vta").sync(0.0, 2.0)
    assert inputs(files, true, "ac-vta", surrogate="blank").sync(0.0, 2.0)[1] is not None
    blank = replace(session, variant=replace(session.variant, surrogate="blank"))
    own = inputs(files, blank, "ac-vta").sync(0.0, 2.0)[1]
    assert own is not None and not own.any()


def test_g4_the_reference_is_encoded_alone(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    """What follows the imitated part does not change its latent."""
    first = noise(tmp_path / "a.wav", 2.0)
    samples = sf.read(first)[0]
    sf.write(tmp_path / "b.wav", np.concatenate([samples, 0.5 * np.ones(RATE)]), RATE)
    found = [inputs(files, session, "ac-vta", reference_audio=tmp_path / f"{name}.wav").reference_NF for name in "ab"]
    assert found[0] is not None and found[1] is not None and torch.equal(found[0], found[1])


def test_a_reference_past_a_training_clip_is_said_and_not_read_to_its_end(
    files: Path,
    session: InferenceSession,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", RATE)
    given_T = 0.2 * np.random.default_rng(6).standard_normal(99 * RATE)
    given_T[-1] = np.nan
    sf.write(tmp_path / "r.wav", given_T, RATE, subtype="FLOAT")
    found = inputs(files, session, "ac-vta", reference_audio=tmp_path / "r.wav")
    assert found.reference_NF is not None and len(found._reference_T) == 62 * RATE
    assert "--reference-audio is longer than a training clip; its first 2 s are imitated" in caplog.text
    given_T[: 3 * RATE] = 0.0
    sf.write(tmp_path / "r.wav", given_T, RATE, subtype="FLOAT")
    with pytest.raises(UsageError, match=r"the first 2 s of --reference-audio r\.wav is silent"):
        _ = inputs(files, session, "ac-vta", reference_audio=tmp_path / "r.wav").reference_NF


def test_of_audio_to_edit_no_more_is_read_than_is_used(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    path = noise(tmp_path / "o.wav", 99.0)
    window = {"window": (0.5, 1.0), "original": path}
    whole = inputs(files, session, "edit", **window)
    part = inputs(files, session, "edit", duration_s=2.0, **window)
    assert len(whole.original_T) == 99 * RATE and len(part.original_T) == 62 * RATE
    assert torch.equal(part.original(2.0), whole.original(2.0))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("mute.wav", "--reference-audio mute.wav is silent: its peak is 0.00e+00 of full scale"),
        ("blip.wav", "--reference-audio blip.wav is too short: 0.02 s; at least 0.04 s are needed"),
        ("broken.wav", "--reference-audio: broken.wav"),
        ("nan.wav", "--reference-audio: nan.wav: 1 of 100 samples are NaN"),
    ],
)
def test_a_reference_that_cannot_be_imitated_is_named(
    files: Path, session: InferenceSession, file: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        _ = inputs(files, session, "ac-vta", reference_audio=files / file).reference_NF
    assert message in str(caught.value)
