"""ImageBind (SPEC E1, IB-score): key layout, front ends, and both towers against plain loops."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from data_contracts import ContractError, ItemError, WeightsError
from model.judges import AudioJudge, VideoJudge, load_judge
from model.judges.imagebind import ImageBindJudge, built_part, clip_mels, frame_pairs
from model.judges.imagebind_network import ImageBindNetwork, ImageBindSizes
from tests.model.codec.layouts import count, network_shapes
from tests.model.judges.imagebind import AUDIO, EMBED, HEAD, PATCH, PRE, SIDE, others, slow_audio, slow_vision, tiny
from tests.model.judges.imagebind import towers as shapes_of
from tests.model.judges.test_kaldi import slow_fbank

SIZE = SIDE * PATCH


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published file has the towers of four other modalities, too; a few of their tensors are in this one."""
    file = tmp_path_factory.mktemp("judge") / "imagebind_huge.pth"
    names = [f"{PRE}.text.mask", "modality_trunks.imu.blocks.0.attn.bias_k", f"{HEAD}.depth.0.bias"]
    names += ["modality_postprocessors.thermal.1.log_logit_scale"]
    torch.save({**tiny(), **{name: torch.zeros(2) for name in names}}, file)
    return file


@pytest.fixture(scope="module")
def judge(path: Path) -> ImageBindJudge:
    found = load_judge(f"imagebind:{path}")
    assert isinstance(found, ImageBindJudge) and isinstance(found, AudioJudge) and isinstance(found, VideoJudge)
    return found


def sound(samples: int, seed: int = 0) -> torch.Tensor:
    return 0.3 * torch.randn(samples, generator=torch.Generator().manual_seed(seed)) + 0.1


def frames(number: int, height: int = SIZE, width: int = SIZE) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (number, height, width, 3), np.uint8)


def test_full_size_has_the_published_names_and_numbers() -> None:
    shapes = shapes_of(1280, 32, 768, 12, 1024, 14, 256)
    assert network_shapes(lambda: ImageBindNetwork(ImageBindSizes())) == shapes
    tensors, numbers = count({**shapes, **others()})
    assert count(shapes)[0] == 569
    assert 0 < 4_803_584_173 - 4 * numbers < 1_000 * tensors  # the whole file's size, without its headers


def test_the_other_modalities_of_the_published_file_are_passed_over() -> None:
    names = {name: torch.zeros(0) for name in {**shapes_of(8, 1, 8, 1, 8, 2, 4), **others()}}
    kept = built_part(names, Path("w.pth"))
    assert set(kept) == set(shapes_of(8, 1, 8, 1, 8, 2, 4))


def slow_clips(audio: np.ndarray) -> list[np.ndarray]:
    """ImageBind's loader: three clips of one array, the mean of each removed in place."""
    audio, latest = audio.copy(), max(len(audio) - 32_000, 0)
    clips = []
    for start in (0, latest // 2, latest):
        audio[start : start + 32_000] -= audio[start : start + 32_000].mean()
        clips.append(audio[start : start + 32_000].copy())
    return clips


@pytest.mark.parametrize("samples", [128_000, 48_000, 8_000, 400])
def test_the_front_end_is_three_clips_of_kaldi_energies(samples: int) -> None:
    audio = sound(samples)
    before = audio.clone()
    found = clip_mels(audio)
    assert found.shape == (3, 128, 204) and torch.equal(audio, before)
    for clip, mel in zip(slow_clips(audio.numpy()), found, strict=True):
        rows = slow_fbank(clip[:720], 16_000, 128)  # the first frames; the loop is slow
        expected = torch.from_numpy((rows.T + 4.268) / 9.138).float()
        torch.testing.assert_close(mel[:, : len(rows)], expected, rtol=1e-3, atol=1e-3)
        filled = 1 + (len(clip) - 400) // 160
        torch.testing.assert_close(mel[:, filled:], torch.full((128, 204 - filled), 4.268 / 9.138))


def test_audio_is_the_mean_of_what_loops_over_three_clips_give(judge: ImageBindJudge) -> None:
    audio = sound(100_000)
    (outputs,) = judge.judge_audio([audio], seeds=[0])
    expected = torch.stack([slow_audio(tiny(), mel) for mel in clip_mels(audio)]).mean(0)
    assert outputs["embedding"].shape == (EMBED,) and outputs["embedding"].dtype == torch.float32
    torch.testing.assert_close(outputs["embedding"], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(SIZE, 13), (13, SIZE), (SIZE, SIZE)])
def test_video_is_the_mean_of_pairs_at_three_places(judge: ImageBindJudge, height: int, width: int) -> None:
    video = frames(3, height, width)
    found = judge.judge_video(video)["embedding"]
    clips = []
    for place in (0, 3, 5) if height != width else (0, 0, 0):  # ceil((13 - 8) / 2) = 3
        top, left = (place, 0) if height > width else (0, place)
        cut = video[:, top : top + SIZE, left : left + SIZE]
        clips += [slow_vision(tiny(), cut[0], cut[1]), slow_vision(tiny(), cut[1], cut[2])]
    torch.testing.assert_close(found, torch.stack(clips).mean(0), rtol=1e-3, atol=1e-4)


def test_eight_seconds_give_four_frames_and_nine_clips() -> None:
    pairs = frame_pairs(frames(4, SIZE, 14), SIZE)
    assert pairs.shape == (9, 3, 2, SIZE, SIZE)
    assert torch.equal(pairs[0, :, 1], pairs[3, :, 0])  # a frame is the second of one pair and the first of the next


def test_each_audio_clip_has_the_length_of_the_files_factor(judge: ImageBindJudge) -> None:
    mels = clip_mels(sound(40_000))
    torch.testing.assert_close(judge.network.audio(mels).norm(dim=1), torch.full((3,), 20.0))
    loud = judge.network.modality_postprocessors["audio"][1].log_logit_scale
    assert math.isclose(float(loud), math.log(20), rel_tol=1e-6)


def test_equal_inputs_get_equal_bits_whatever_else_is_in_the_call(judge: ImageBindJudge) -> None:
    one, other = sound(36_000, 1), sound(50_000, 2)
    alone = judge.judge_audio([one], seeds=[0])[0]["embedding"]
    among = judge.judge_audio([other, one, one], seeds=[5, 6, 7])
    assert torch.equal(among[1]["embedding"], alone) and torch.equal(among[2]["embedding"], alone)
    assert torch.equal(*(judge.judge_video(frames(3))["embedding"] for _ in range(2)))


def test_the_spec_forbids_commercial_use_and_says_the_rates(judge: ImageBindJudge) -> None:
    spec = judge.spec
    assert (spec.name, spec.rate_hz, spec.fps, spec.kinds) == ("imagebind", 16_000, 0.5, {"audio", "video"})
    assert (spec.licence, spec.is_commercial, judge.fit, judge.size) == ("CC BY-NC-SA 4.0", False, "short_side", SIZE)


def test_short_and_malformed_inputs_are_refused(judge: ImageBindJudge) -> None:
    with pytest.raises(ItemError, match=r"399 samples; it needs at least 400 \(0.025 s\)"):
        judge.judge_audio([sound(399)], seeds=[0])
    with pytest.raises(ContractError, match="not finite"):
        judge.judge_audio([torch.full((16_000,), torch.inf)], seeds=[0])
    with pytest.raises(ContractError, match="float32, mono"):
        judge.judge_audio([sound(16_000).double()], seeds=[0])
    with pytest.raises(ItemError, match=r"got 1 frame at 0\.5 per second; it needs at least 2"):
        judge.judge_video(frames(1))
    with pytest.raises(ContractError, match="the short side 8, uint8"):
        judge.judge_video(frames(2, SIZE + 1, SIZE + 1))


@pytest.mark.parametrize(
    "name", [f"{PRE}.audio.rgbt_stem.norm_layer.bias", "modality_trunks.audio.blocks.0.attn.bias_k"]
)
def test_a_file_without_a_tensor_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    tensors = tiny()
    del tensors[name]
    torch.save(tensors, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=rf"do not fit their layout: .*{name}"):
        load_judge(f"imagebind:{tmp_path / 'w.pth'}")


def test_other_files_are_refused(tmp_path: Path) -> None:
    def refused(words: str, tensors: dict[str, torch.Tensor]) -> None:
        torch.save(tensors, tmp_path / "w.pth")
        with pytest.raises(WeightsError, match=words):
            load_judge(f"imagebind:{tmp_path / 'w.pth'}")

    refused(r"is not ImageBind: unexpected tensor head\.weight", {**tiny(), "head.weight": torch.zeros(1)})
    refused("do not fit.*modality_heads.smell.0.bias", {**tiny(), "modality_heads.smell.0.bias": torch.zeros(1)})
    refused("towers of audio and video are missing", {f"{PRE}.text.mask": torch.zeros(77, 77)})
    refused("size mismatch for .*audio.0.bias", {**tiny(), f"{HEAD}.audio.0.bias": torch.zeros(AUDIO + 1)})
    with pytest.raises(WeightsError, match="are missing"):
        load_judge(f"imagebind:{tmp_path / 'nothing.pth'}")
