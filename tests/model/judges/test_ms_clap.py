"""MS-CLAP 2023: both towers by loops, tiled and cropped sounds, the place of the text's vector, its key layout."""

from __future__ import annotations

import pytest
import torch

from model.judges.ms_clap import MsClapJudge
from model.judges.sounds import crop
from tests.model.judges.audio_layouts import tensors
from tests.model.judges.loops import gelu, layer_norm, linear, part
from tests.model.judges.small_judges import load_small, small_shapes, sound
from tests.model.judges.towers import slow_gpt2, slow_htsat

SAMPLES = 7 * 44_100


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> MsClapJudge:
    loaded = load_small("ms-clap", tmp_path_factory.mktemp("ms"))
    assert isinstance(loaded, MsClapJudge)
    return loaded


def weights(judge: MsClapJudge) -> dict[str, torch.Tensor]:
    return tensors(small_shapes("ms-clap", judge.network.text.config.vocab_size))


def projected(t: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    first = linear(t, "linear1", x)
    return layer_norm(t, "layer_norm", first + linear(t, "linear2", gelu(first)))


def test_a_sound_is_what_loops_give_after_tiling(judge: MsClapJudge) -> None:
    samples = sound(120_000)
    (judged,) = judge.judge_audio([samples], seeds=[0])
    tiled = torch.cat([samples] * 3)[:SAMPLES]
    t = weights(judge)
    pooled = slow_htsat(part(t, "audio_encoder.base.htsat."), tiled, 320)
    expected = projected(part(t, "audio_encoder.projection."), pooled)
    torch.testing.assert_close(judged["embedding"], expected, rtol=1e-3, atol=2e-4)
    assert torch.equal(judge.judge_audio([tiled], seeds=[1])[0]["embedding"], judged["embedding"])


def test_longer_sounds_are_cropped_where_their_seed_says(judge: MsClapJudge) -> None:
    samples = sound(8 * 44_100)
    first, second, again = judge.judge_audio([samples] * 3, seeds=[0, 1, 0])
    assert torch.equal(first["embedding"], again["embedding"])
    assert not torch.equal(first["embedding"], second["embedding"])
    assert torch.equal(judge.judge_audio([crop(samples, SAMPLES, 1)], seeds=[9])[0]["embedding"], second["embedding"])


@pytest.mark.parametrize(
    ("text", "earlier"), [("a dog", 0), ("", 0), ("a dog!!", 2), ("dog " * 75, 0), ("dog " * 100, 0)]
)
def test_a_text_is_the_state_at_its_last_token_moved_by_exclamation_marks(
    judge: MsClapJudge, text: str, earlier: int
) -> None:
    """The original counts ids other than 0, and 0 is `!`: each one moves the place that is read to an earlier token."""
    (judged,) = judge.judge_text([text])
    t = weights(judge)
    ids = judge.tokens(f"{text} <|endoftext|>")[:80]  # as many as the small network has positions
    state = slow_gpt2(part(t, "caption_encoder.base."), ids)[len(ids) - 1 - earlier]
    expected = projected(part(t, "caption_encoder.projection."), state)
    torch.testing.assert_close(judged["embedding"], expected, rtol=1e-3, atol=1e-4)


def test_leaving_out_the_padding_of_the_original_changes_nothing(judge: MsClapJudge) -> None:
    ids = judge.tokens("a dog barks <|endoftext|>")
    padded = torch.tensor([ids + [0] * (77 - len(ids))])
    mask = torch.tensor([[1] * len(ids) + [0] * (77 - len(ids))])
    with torch.no_grad():
        states = judge.network.text(input_ids=padded, attention_mask=mask).last_hidden_state
        expected = judge.network.text_projection(states[0, len(ids) - 1])
    torch.testing.assert_close(judge.judge_text(["a dog barks"])[0]["embedding"], expected, rtol=1e-4, atol=1e-5)
