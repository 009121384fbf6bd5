"""PE-AV: front ends, the embeddings of transformers' own models, and which parts of the file are built."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from data_contracts import ContractError, ItemError, WeightsError
from model.judges import AudioJudge, TextJudge, VideoJudge, load_judge
from model.judges.pe_av import PeAvJudge, built_part
from model.weights.files import read_tensors
from tests.model.codec.layouts import random_tensors
from tests.model.judges.pe_av import CONFIG, FRAMES, PATCH, SIDE, published_shapes, slow_frame, write

SIZE = SIDE * PATCH


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All names that transformers' own model has, so that loading them shows that a published file would load."""
    made = tmp_path_factory.mktemp("pe-av")
    write(made, random_tensors(published_shapes(), seed=7))
    return made


@pytest.fixture(scope="module")
def judge(folder: Path) -> PeAvJudge:
    found = load_judge(f"pe-av:{folder}")
    assert isinstance(found, PeAvJudge)
    assert isinstance(found, AudioJudge) and isinstance(found, VideoJudge) and isinstance(found, TextJudge)
    return found


def sound(samples: int, seed: int = 0) -> torch.Tensor:
    return 0.3 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


def frames(number: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (number, SIZE, SIZE, 3), np.uint8)


def own_model(judge: PeAvJudge) -> torch.nn.Module:
    """transformers' model of audio and text with the same weights, made and filled by transformers."""
    from transformers import PeAudioConfig, PeAudioModel

    parts = CONFIG["audio_video_config"]
    config = PeAudioConfig(text_config=CONFIG["text_config"], audio_config=parts["audio_config"])
    model = PeAudioModel(config).eval()
    state = {f"text_model.{name}": value for name, value in judge.network.text_model.state_dict().items()}
    state |= judge.network.audio_model.state_dict()
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert set(missing) == {"text_audio_logit_scale", "text_audio_logit_bias"} and not unexpected
    return model


def test_audio_and_text_are_those_of_transformers_own_model(judge: PeAvJudge) -> None:
    audio = sound(1_000)  # 125 hops of 8
    (heard,), (read,) = judge.judge_audio([audio], seeds=[0]), judge.judge_text(["a dog barks"])
    with torch.no_grad():
        ids = torch.tensor([[1, 4, 5, 6, 2]])
        own = own_model(judge)(input_ids=ids, input_values=audio[None, None], attention_mask=torch.ones_like(ids))
    torch.testing.assert_close(heard["embedding"], own.audio_embeds[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(read["embedding"], own.text_audio_embeds[0], rtol=1e-4, atol=1e-5)
    assert heard["embedding"].shape == read["embedding"].shape == read["video_embedding"].shape == (40,)
    assert not torch.allclose(read["embedding"], read["video_embedding"])


def test_padding_and_length_that_a_tokenizers_file_keeps_are_not_used(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(length=9)
    tokenizer.enable_truncation(3)
    (tmp_path / "tokenizer.json").unlink()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    judge = load_judge(f"pe-av:{tmp_path}")
    assert isinstance(judge, PeAvJudge) and judge.tokenizer.encode("a dog barks").ids == [1, 4, 5, 6, 2]


def test_sounds_are_reflected_to_whole_hops(judge: PeAvJudge) -> None:
    audio = sound(1_003)
    padded = torch.cat([audio, audio[-6:-1].flip(0)])
    found = judge.judge_audio([audio, padded], seeds=[0, 0])
    assert len(padded) == 1_008 and torch.equal(found[0]["embedding"], found[1]["embedding"])


def test_video_is_16_frames_spread_evenly_each_by_loops(judge: PeAvJudge) -> None:
    video = frames(200)
    found = judge.judge_video(video)["embedding"]
    chosen = [int(index * 199 / 15) for index in range(16)]
    assert chosen[0] == 0 and chosen[-1] == 199
    tensors = {name.removeprefix(FRAMES): value for name, value in judge.network.state_dict().items()}
    vectors = [
        slow_frame(tensors, (torch.from_numpy(video[one]).permute(2, 0, 1).float() / 255 - 0.5) / 0.5) for one in chosen
    ]
    encoder = judge.network.video_model["video_encoder"]
    with torch.no_grad():
        embedder = encoder.embedder
        states = embedder.data_proj(embedder.proj(torch.nn.functional.normalize(torch.stack(vectors), dim=-1)))
        own = encoder.embedder.forward
        try:
            embedder.forward = lambda *_arguments, **_named: (states[None], None)
            expected = judge.network.video_model["video_head"](
                encoder(pixel_values_videos=torch.zeros(1, 16, 3, SIZE, SIZE)).pooler_output
            )[0]
        finally:
            embedder.forward = own
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_rotations_have_values_though_no_file_has_them(judge: PeAvJudge) -> None:
    assert not any(buffer.is_meta for buffer in judge.network.buffers())
    for part, name in ((judge.network.audio_model, "audio_encoder"), (judge.network.video_model, "video_encoder")):
        rates = part[name].rotary_emb.inv_freq
        torch.testing.assert_close(rates, 20_000.0 ** -(torch.arange(0, 16, 2) / 16))


def test_equal_inputs_get_equal_bits_whatever_else_is_in_the_call(judge: PeAvJudge) -> None:
    alone = judge.judge_audio([sound(800, 1)], seeds=[0])[0]["embedding"]
    among = judge.judge_audio([sound(900, 2), sound(800, 1)], seeds=[5, 6])
    assert torch.equal(among[1]["embedding"], alone)
    first, second = judge.judge_text(["a dog"])[0], judge.judge_text(["a dog barks", "a dog"])[1]
    assert torch.equal(first["embedding"], second["embedding"])


def test_the_spec_says_kinds_rates_and_licence(judge: PeAvJudge) -> None:
    spec = judge.spec
    assert (spec.name, spec.rate_hz, spec.fps, spec.kinds) == ("pe-av", 48_000, 25.0, {"audio", "video", "text"})
    assert (spec.licence, spec.is_commercial, judge.fit, judge.size) == ("Apache-2.0", True, "squash", SIZE)


def test_short_and_malformed_inputs_are_refused(judge: PeAvJudge) -> None:
    with pytest.raises(ItemError, match="7 samples; it needs at least 8"):
        judge.judge_audio([sound(7)], seeds=[0])
    with pytest.raises(ContractError, match="not finite"):
        judge.judge_audio([torch.full((800,), torch.nan)], seeds=[0])
    with pytest.raises(ItemError, match="got 15 frames at 25 per second; it needs at least 16"):
        judge.judge_video(frames(15))
    with pytest.raises(ContractError, match=r"expected \(n, 8, 8, 3\), uint8"):
        judge.judge_video(np.zeros((16, 8, 9, 3), np.uint8))
    with pytest.raises(ContractError, match="a text is empty"):
        judge.judge_text(["a dog", "  "])


def test_of_the_published_names_the_joint_encoder_its_heads_and_the_scales_are_passed_over(folder: Path) -> None:
    names = read_tensors(folder / "model.safetensors").tensors
    passed_over = set(names) - set(built_part(names))
    assert {name.split(".")[0] for name in passed_over if not name.endswith(("_scale", "_bias"))} == {
        "audio_model", "audio_plus_text_head", "audio_video_encoder", "audio_video_head", "text_audio_video_head",
        "video_model", "video_plus_text_head",
    }  # fmt: skip
    towers = {name for name in passed_over if name.startswith(("audio_model.", "video_model."))}
    assert all(".text_model." in name or "_logit_" in name for name in towers)


def test_the_frame_encoders_names_may_lack_timms_prefix() -> None:
    value, short = torch.zeros(1), FRAMES.removesuffix("timm_model.")
    both = [built_part({f"{prefix}norm.bias": value}) for prefix in (FRAMES, short)]
    assert both == [{f"{FRAMES}norm.bias": value}] * 2


def test_other_files_are_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    def refused(words: str) -> None:
        with pytest.raises(WeightsError, match=words):
            load_judge(f"pe-av:{tmp_path}")

    refused("model.safetensors are missing")
    tensors = load_file(folder / "model.safetensors")
    del tensors["audio_model.audio_head.proj.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    refused("config.json is missing")
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    refused("describes 'clip'; expected model_type pe_audio_video")
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "audio_video_config": {"hidden_size": "wide"}}))
    refused("does not describe a PE-AV")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    refused("tokenizer.json is missing; `foleygenex weights fetch pe-av`")
    (tmp_path / "tokenizer.json").write_text("{")
    refused("cannot be read as a tokenizer")
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    refused(r"do not fit their layout: .*audio_model\.audio_head\.proj\.weight")
    save_file({**load_file(folder / "model.safetensors"), "stranger": torch.zeros(1)}, tmp_path / "model.safetensors")
    refused(r"do not fit their layout: .*stranger")
