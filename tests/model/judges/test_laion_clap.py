"""LAION-CLAP: both towers by loops, repeated and cropped sounds, padded texts, its key layout at full size."""

from __future__ import annotations

import pytest
import torch

from model.judges.laion_clap import LaionClapJudge
from model.judges.sounds import crop
from tests.model.judges.audio_layouts import tensors
from tests.model.judges.loops import linear, part
from tests.model.judges.small_judges import load_small, small_shapes, sound
from tests.model.judges.towers import slow_htsat, slow_roberta


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> LaionClapJudge:
    loaded = load_small("laion-clap", tmp_path_factory.mktemp("laion"))
    assert isinstance(loaded, LaionClapJudge)
    return loaded


def weights(judge: LaionClapJudge) -> dict[str, torch.Tensor]:
    size = judge.network.text.config.vocab_size
    return tensors(small_shapes("laion-clap", size))


def unit(t: dict[str, torch.Tensor], side: str, x: torch.Tensor) -> torch.Tensor:
    out = linear(t, f"{side}_projection.2", linear(t, f"{side}_projection.0", x).clamp(min=0))
    return out / out.square().sum().sqrt()


def test_a_sound_is_what_loops_give_after_repeating_and_padding(judge: LaionClapJudge) -> None:
    samples = sound(200_000)
    (judged,) = judge.judge_audio([samples], seeds=[0])
    padded = torch.cat([samples, samples, torch.zeros(80_000)])
    t = weights(judge)
    expected = unit(t, "audio", slow_htsat(part(t, "audio_branch."), padded, 480))
    torch.testing.assert_close(judged["embedding"], expected, rtol=1e-3, atol=1e-4)
    assert torch.equal(judge.judge_audio([padded], seeds=[1])[0]["embedding"], judged["embedding"])


def test_longer_sounds_are_cropped_where_their_seed_says(judge: LaionClapJudge) -> None:
    samples = sound(500_000)
    seeds = [0, 1, 0]
    first, second, again = judge.judge_audio([samples] * 3, seeds=seeds)
    assert torch.equal(first["embedding"], again["embedding"])
    assert not torch.equal(first["embedding"], second["embedding"])
    assert torch.equal(judge.judge_audio([crop(samples, 480_000, 1)], seeds=[9])[0]["embedding"], second["embedding"])


@pytest.mark.parametrize("text", ["a dog", "", "dog " * 100])
def test_a_text_is_what_loops_over_its_tokens_give(judge: LaionClapJudge, text: str) -> None:
    (judged,) = judge.judge_text([text])
    t = weights(judge)
    ids = [0, *judge.tokens(text)[:75], 2]
    expected = unit(t, "text", slow_roberta(part(t, "text_branch."), ids))
    torch.testing.assert_close(judged["embedding"], expected, rtol=1e-3, atol=1e-4)
    assert float(judged["embedding"].norm()) == pytest.approx(1.0)


def test_leaving_out_the_padding_of_the_original_changes_nothing(judge: LaionClapJudge) -> None:
    ids = [0, *judge.tokens("a dog barks"), 2]
    padded = torch.tensor([ids + [1] * (77 - len(ids))])
    with torch.no_grad():
        whole = judge.network.text(input_ids=padded, attention_mask=(padded != 1).long()).pooler_output
        expected = torch.nn.functional.normalize(judge.network.text_projection(whole), dim=-1)[0]
    torch.testing.assert_close(judge.judge_text(["a dog barks"])[0]["embedding"], expected, rtol=1e-4, atol=1e-5)


def test_the_text_tower_has_robertas_heads_and_epsilon(judge: LaionClapJudge) -> None:
    """No tensor of a file says either."""
    config = judge.network.text.config
    assert (config.hidden_size // config.num_attention_heads, config.layer_norm_eps) == (64, 1e-5)
