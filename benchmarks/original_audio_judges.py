"""The audio judges beside the code of their originals, at full size; part of `benchmarks.original_judges`."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import tempfile
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.original_code import Row, difference, drawn, empty_module, loaded, package
from model.codec.torchaudio_shim import prepare_torchaudio
from model.judges.laion_clap import LaionClapJudge
from model.judges.ms_clap import MsClapJudge
from model.judges.panns import PannsJudge
from model.judges.passt import PasstJudge
from model.judges.vggish import VggishJudge

_PANNS: Final = {"sample_rate": 16_000, "window_size": 512, "hop_size": 160, "mel_bins": 64, "fmin": 50, "fmax": 8_000}
_PASST: Final = {"in_channels": 1, "fstride": 10, "tstride": 10, "input_fdim": 128, "input_tdim": 998}
_PASST_OFF: Final = {"u_patchout": 0, "s_patchout_t": 0, "s_patchout_f": 0}
_PASST_MEL: Final = {"n_mels": 128, "sr": 32_000, "win_length": 800, "hopsize": 320, "fmax_aug_range": 2_000}
_LAION: Final = {"model_type": "HTSAT", "model_name": "base", "hop_size": 480}  # the other settings are its defaults
_CAPTION: Final = "a dog barks! loudly"


def vggish_network(av_benchmark: Path) -> nn.Module:
    """Returns av-benchmark's VGGish."""
    empty_module("resampy")
    package("av_bench", av_benchmark / "av_bench")
    original = importlib.import_module("av_bench.vggish.vggish").VGGish
    network: nn.Module = original(device="cpu", pretrained=False, postprocess=False)
    return network


def vggish(av_benchmark: Path) -> Iterator[Row]:
    """Yields the difference of eight patches."""
    theirs = drawn(vggish_network(av_benchmark))
    sound = _sound(8 * 16_000)
    ours = _judged(loaded(theirs.state_dict(), VggishJudge.load), sound)
    yield "VGGish", difference(ours["embedding"], theirs(sound[None])[0])


def panns_network(av_benchmark: Path, torchlibrosa: Path) -> nn.Module:
    """Returns av-benchmark's Cnn14."""
    sys.path.insert(0, str(torchlibrosa))
    package("av_bench", av_benchmark / "av_bench")
    package("av_bench.panns", av_benchmark / "av_bench/panns")
    code = importlib.import_module("av_bench.panns.models")
    with (  # its constructor downloads and loads the published file
        mock.patch.object(code.os.path, "exists", return_value=True),
        mock.patch.object(code.os, "system"),
        mock.patch.object(code.torch, "load", return_value={"model": {}}),
        mock.patch.object(code.Cnn14, "load_state_dict"),
    ):
        network: nn.Module = code.Cnn14(features_list=["2048", "logits"], classes_num=527, **_PANNS)
    return network


def panns(av_benchmark: Path, torchlibrosa: Path) -> Iterator[Row]:
    """Yields the differences of the embedding and the logits."""
    theirs = drawn(panns_network(av_benchmark, torchlibrosa))
    sound = _sound(8 * 16_000)
    ours, expected = _judged(loaded(theirs.state_dict(), PannsJudge.load), sound), theirs(sound[None])
    yield "PANNs, embedding", difference(ours["embedding"], expected["2048"][0])
    yield "PANNs, logits", difference(ours["logits"], expected["logits"][0])


def passt_network(checkout: Path) -> nn.Module:
    """Returns the original's `passt_s_swa_p16_128_ap476`."""
    prepare_torchaudio()
    empty_module("timm.models._hub", download_cached_file=None)
    sys.path.insert(0, str(checkout))
    code: Any = importlib.import_module("hear21passt.models.passt")
    code.first_RUN = False  # it prints shapes at its first run
    with contextlib.redirect_stdout(io.StringIO()):
        sizes = {"arch": "passt_s_swa_p16_128_ap476", "pretrained": False, "n_classes": 527}
        network: nn.Module = code.get_model(**sizes, **_PASST, **_PASST_OFF)
    return network


def passt(checkout: Path) -> Iterator[Row]:
    """Yields the differences of the embedding and the logits."""
    theirs = drawn(passt_network(checkout))
    mel = importlib.import_module("hear21passt.models.preprocess").AugmentMelSTFT(**_PASST_MEL).eval()
    sound = _sound(8 * 32_000)
    ours = _judged(loaded(theirs.state_dict(), PasstJudge.load), sound)
    logits, embedding = theirs(mel(functional.pad(sound, (0, 64_000))[None])[:, None])
    yield "PaSST, embedding", difference(ours["embedding"], embedding[0])
    yield "PaSST, logits", difference(ours["logits"], logits[0])


def laion_clap_network(checkout: Path, torchlibrosa: Path) -> Any:
    """Returns the original's CLAP with its sizes of `HTSAT-base` and `roberta`."""
    prepare_torchaudio()
    from transformers import RobertaConfig, RobertaModel

    sys.path.insert(0, str(torchlibrosa))
    package("laion", checkout / "src/laion_clap/clap_module")
    empty_module(
        "laion.utils",
        **dict.fromkeys(("do_mixup", "pad_framewise_output", "freeze_batch_norm_2d")),
        interpolate=lambda x, ratio: x.repeat_interleave(ratio, dim=1),
    )
    empty_module("laion.feature_fusion", iAFF=None, AFF=None, DAF=None)
    empty_module("laion.timm_model", TimmModel=None)
    code = importlib.import_module("laion.model")
    sizes = {"vocab_size": 50_265, "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
    roberta = RobertaModel(RobertaConfig(**sizes, pad_token_id=1))
    with mock.patch.object(code.RobertaModel, "from_pretrained", return_value=roberta):
        return code.CLAP(1024, _LAION, code.CLAPTextCfg(77, 49_408, 512, 8, 12, "roberta"))


def laion_clap(checkout: Path, torchlibrosa: Path) -> Iterator[Row]:
    """Yields the differences of a sound and a caption, the latter padded to 77 tokens as the original does."""
    theirs: Any = drawn(laion_clap_network(checkout, torchlibrosa))
    with tempfile.TemporaryDirectory() as folder:
        _write_tokens(Path(folder), ("<s>", "<pad>", "</s>", "<unk>"), 50_264, "<mask>")
        ours = LaionClapJudge.load(_files(Path(folder), theirs.state_dict()))
    sound = _sound(480_000)
    heard = theirs.audio_branch({"waveform": sound[None], "longer": torch.tensor([False])}, device="cpu")["embedding"]
    expected = functional.normalize(theirs.audio_projection(heard), dim=-1)[0]
    yield "LAION-CLAP, audio", difference(_judged(ours, sound)["embedding"], expected)
    ids = [0, *ours.tokens(_CAPTION), 2]
    padded = torch.tensor([ids + [1] * (77 - len(ids))])
    read = theirs.text_branch(input_ids=padded, attention_mask=(padded != 1).long())["pooler_output"]
    expected = functional.normalize(theirs.text_projection(read), dim=-1)[0]
    yield "LAION-CLAP, caption", difference(ours.judge_text([_CAPTION])[0]["embedding"], expected)


def ms_clap_network(checkout: Path, torchlibrosa: Path) -> nn.Module:
    """Returns the original's CLAP with its sizes of 2023."""
    prepare_torchaudio()
    import transformers

    sys.path.insert(0, str(torchlibrosa))
    package("microsoft_clap", checkout / "msclap/models")
    gpt2 = types.SimpleNamespace(from_pretrained=lambda _name: transformers.GPT2Model(transformers.GPT2Config()))
    with mock.patch.object(transformers, "AutoModel", gpt2):
        original = importlib.import_module("microsoft_clap.clap").CLAP
        network: nn.Module = original("HTSAT", 44_100, 1024, 320, 64, 50, 8_000, 527, 768, "gpt2", 768, 1024)
    return network


def ms_clap(checkout: Path, torchlibrosa: Path) -> Iterator[Row]:
    """Yields the differences of a sound and a caption, the latter padded to 77 tokens as the original does."""
    theirs: Any = drawn(ms_clap_network(checkout, torchlibrosa))
    from transformers import GPT2Tokenizer

    with tempfile.TemporaryDirectory() as folder:
        vocabulary, merges = _write_tokens(Path(folder), (), 50_256, "<|endoftext|>")
        ours = MsClapJudge.load(_files(Path(folder), theirs.state_dict()))
        tokenizer = GPT2Tokenizer(vocab=str(vocabulary), merges=str(merges))
    tokenizer.add_special_tokens({"pad_token": "!"})
    sound = _sound(7 * 44_100)
    yield "MS-CLAP, audio", difference(_judged(ours, sound)["embedding"], theirs.audio_encoder(sound[None])[0][0])
    settings = {"max_length": 77, "padding": "max_length", "return_tensors": "pt"}
    tokens = tokenizer(f"{_CAPTION} <|endoftext|>", **settings)
    read = theirs.caption_encoder({key: tokens[key] for key in ("input_ids", "attention_mask")})[0]
    yield "MS-CLAP, caption", difference(ours.judge_text([_CAPTION])[0]["embedding"], read)


def _sound(samples: int) -> Tensor:
    """Noise whose level falls four times, so that time matters."""
    place = torch.arange(samples) * 4.0 / samples % 1
    return 0.2 * torch.randn(samples) * torch.exp(-5 * place)


def _judged(judge: Any, sound: Tensor) -> Mapping[str, Tensor]:
    judged: Mapping[str, Tensor] = judge.judge_audio([sound], seeds=[0])[0]
    return judged


def _files(folder: Path, tensors: Mapping[str, Tensor]) -> list[Path]:
    torch.save(dict(tensors), folder / "weights.pth")
    return [folder / name for name in ("weights.pth", "vocab.json", "merges.txt")]


def _write_tokens(folder: Path, first: tuple[str, ...], number: int, last: str) -> tuple[Path, Path]:
    """Writes a vocabulary of the published size that has no merged pairs."""
    from tokenizers.pre_tokenizers import ByteLevel

    names = [*first, *sorted(ByteLevel.alphabet())]
    names += [*(f"unused {place}" for place in range(len(names), number)), last]
    (folder / "vocab.json").write_text(json.dumps({name: place for place, name in enumerate(names)}), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    return folder / "vocab.json", folder / "merges.txt"
