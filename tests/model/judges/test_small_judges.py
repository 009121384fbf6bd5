"""What all judges of one published file keep to: fixed results, refused input, strict files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_contracts import ContractError, ItemError, WeightsError
from model.judges import AudioJudge, TextJudge, VideoJudge, load_judge
from tests.model.judges.small_judges import NAMES, load_small, sound, write_small

EACH = pytest.mark.parametrize("name", NAMES)
RATE_HZ = {"vggish": 16_000, "panns": 16_000, "passt": 32_000, "laion-clap": 48_000, "ms-clap": 44_100}
LEAST = {"vggish": 15_600, "panns": 4_960, "imagebind": 400, "synchformer": 10_240}
LOADING = {"ms-clap": "whole", "imagebind": "whole", "synchformer": "plain"}
KINDS = {"laion-clap": {"audio", "text"}, "ms-clap": {"audio", "text"}} | {
    name: {"audio", "video"} for name in ("imagebind", "synchformer")
}
CLASSES = {"panns": 527, "passt": 527, "synchformer": 21}
USED = {
    "vggish": "embeddings.2.bias",
    "panns": "conv_block2.bn1.running_var",
    "passt": "head_dist.bias",
    "laion-clap": "text_projection.2.bias",
    "ms-clap": "caption_encoder.base.ln_f.bias",
    "imagebind": "modality_trunks.audio.blocks.0.attn.bias_k",
    "synchformer": "afeat_extractor.ast.layernorm.bias",
}
"""A tensor that each judge cannot do without."""


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> dict[str, AudioJudge]:
    return {name: load_small(name, tmp_path_factory.mktemp(name)) for name in NAMES}


@EACH
def test_a_sound_gets_the_same_bits_whatever_else_is_in_the_call(judges: dict[str, AudioJudge], name: str) -> None:
    one, other = sound(20_000), sound(17_000, 1)
    (alone,) = judges[name].judge_audio([one], seeds=[5])
    among = judges[name].judge_audio([other, one, other], seeds=[1, 6, 2])[1]  # its seed has no say: it is short
    assert set(alone) == set(among) and all(torch.equal(alone[key], among[key]) for key in alone)
    assert all(value.dtype == torch.float32 and value.device.type == "cpu" for value in alone.values())
    assert judges[name].judge_audio([], seeds=[]) == []


@EACH
def test_the_spec_says_rate_weights_and_kinds(judges: dict[str, AudioJudge], name: str) -> None:
    judge = judges[name]
    spec = judge.spec
    assert (spec.name, spec.rate_hz, len(spec.weights_sha256)) == (name, RATE_HZ.get(name, 16_000), 64)
    assert not spec.embedded and spec.is_commercial == (name != "imagebind")
    assert spec.kinds == KINDS.get(name, {"audio"}) and len(spec.classes) == CLASSES.get(name, 0)
    assert isinstance(judge, TextJudge) == ("text" in spec.kinds)
    assert isinstance(judge, VideoJudge) == ("video" in spec.kinds)
    assert spec.loading == LOADING.get(name, "centred")


@EACH
def test_stereo_values_that_are_not_finite_and_missing_seeds_are_refused(
    judges: dict[str, AudioJudge], name: str
) -> None:
    judge, good = judges[name], sound(20_000)
    bad = good.clone()
    bad[100] = float("nan")
    with pytest.raises(ContractError, match=f"judge {name}: sound 2 of 2 has values that are not finite"):
        judge.judge_audio([good, bad], seeds=[0, 1])
    with pytest.raises(ContractError, match=r"sound 1 of 1 is \(2, 20000\) torch\.float32; expected \(samples\)"):
        judge.judge_audio([torch.stack([good, good])], seeds=[0])
    with pytest.raises(ContractError, match="got 1 seed for 2 sounds"):
        judge.judge_audio([good, good], seeds=[0])


@EACH
def test_the_shortest_sound_is_judged_and_a_shorter_one_refused(judges: dict[str, AudioJudge], name: str) -> None:
    least = LEAST.get(name, 1)
    (judged,) = judges[name].judge_audio([sound(least)], seeds=[0])
    assert all(torch.isfinite(value).all() for value in judged.values())
    with pytest.raises(ItemError, match=f"needs at least {least}") as caught:
        judges[name].judge_audio([sound(least - 1)], seeds=[0])
    assert caught.value.reason == "too_short"


@EACH
def test_silence_is_judged(judges: dict[str, AudioJudge], name: str) -> None:
    (judged,) = judges[name].judge_audio([torch.zeros(20_000)], seeds=[0])
    assert all(torch.isfinite(value).all() for value in judged.values())


@EACH
@pytest.mark.parametrize(("wrapper", "prefix"), [("model", ""), ("state_dict", "module.")])
def test_wrapped_and_data_parallel_files_are_the_same_judge(
    judges: dict[str, AudioJudge], name: str, wrapper: str, prefix: str, tmp_path: Path
) -> None:
    again = load_judge(f"{name}:{write_small(name, tmp_path, wrapper, prefix)}")
    assert isinstance(again, AudioJudge)
    (one,), (other,) = (judge.judge_audio([sound(16_000)], seeds=[0]) for judge in (judges[name], again))
    assert all(torch.equal(one[key], other[key]) for key in one)


@EACH
def test_missing_extra_misshapen_and_foreign_tensors_are_named(name: str, tmp_path: Path) -> None:
    path = write_small(name, tmp_path)
    made = torch.load(path, weights_only=True)
    used = made[USED[name]]

    def refused(words: str, tensors: dict[str, torch.Tensor]) -> None:
        torch.save(tensors, path)
        with pytest.raises(WeightsError, match=rf"{name}\.pth {words}"):
            load_judge(f"{name}:{path}")

    refused("do not fit their layout: .*Missing", {key: value for key, value in made.items() if key != USED[name]})
    refused(r".*stranger\.weight", {**made, "stranger.weight": torch.zeros(1)})
    refused("do not fit their layout: .*size mismatch", {**made, USED[name]: torch.cat([used, used], dim=-1)})
    refused(f"is not {name}: it has no tensor ", {"other.weight": torch.zeros(1)})
    with pytest.raises(WeightsError, match=r"nowhere\.pth are missing"):
        load_judge(f"{name}:{tmp_path / 'nowhere.pth'}")


@pytest.mark.parametrize("name", ["laion-clap", "ms-clap"])
def test_a_text_gets_the_same_bits_whatever_else_is_in_the_call(judges: dict[str, AudioJudge], name: str) -> None:
    judge = judges[name]
    assert isinstance(judge, TextJudge)
    (alone,) = judge.judge_text(["a dog barks"])
    among = judge.judge_text(["something much longer than that", "a dog barks", ""])
    assert torch.equal(alone["embedding"], among[1]["embedding"])
    assert len({tuple(judged["embedding"].tolist()) for judged in among}) == 3
    assert judge.judge_text([]) == []


@pytest.mark.parametrize("name", ["laion-clap", "ms-clap"])
def test_a_checkpoint_without_its_tokenizer_is_refused(name: str, tmp_path: Path) -> None:
    path = write_small(name, tmp_path)
    (tmp_path / "merges.txt").unlink()
    with pytest.raises(WeightsError, match=r"merges\.txt is missing"):
        load_judge(f"{name}:{path}")
