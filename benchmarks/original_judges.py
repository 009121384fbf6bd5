"""Judges beside the code of their originals, both with the same random weights: the relative difference of each output.

`python -m benchmarks.evaluation originals --imagebind CHECKOUT --av-benchmark CHECKOUT ...`: checkouts of
hkchengrex/ImageBind, hkchengrex/av-benchmark, huggingface/pytorch-image-models (`--timm`), hkchengrex/CLAP,
hkchengrex/MS-CLAP, kkoutini/passt_hear21 (`--passt`) and, for PANNs and both CLAPs, qiuqiangkong/torchlibrosa; each may
be left out. The originals import packages that do not install beside this project (torchvision, iopath, ftfy,
omegaconf, resampy) and, in av-benchmark, an older transformers; none of what they use of them here computes anything,
so it is replaced by empty modules.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from benchmarks.original_audio_judges import (
    laion_clap,
    laion_clap_network,
    ms_clap,
    ms_clap_network,
    panns,
    panns_network,
    passt,
    passt_network,
    vggish,
    vggish_network,
)
from benchmarks.original_code import Row, difference, drawn, empty_module, loaded, package
from model.codec.torchaudio_shim import prepare_torchaudio
from model.judges.imagebind import ImageBindJudge, clip_mels, frame_pairs
from model.judges.pe_av_frames import FrameEncoder, frame_sizes
from model.judges.synchformer import SynchformerJudge
from model.weights.files import TensorFile, build


def imagebind_network(checkout: Path, **sizes: int) -> Any:
    """Returns the original's network with all six towers; without sizes `imagebind_huge`, which has no memory."""
    empty_module("timm.layers", DropPath=lambda _rate: nn.Identity(), trunc_normal_=nn.init.trunc_normal_)
    for name in ("ftfy", "iopath.common.file_io"):
        empty_module(name, g_pathmgr=None)
    package("imagebind", checkout / "imagebind")
    package("imagebind.models", checkout / "imagebind/models")
    code = importlib.import_module("imagebind.models.imagebind_model")
    if sizes:
        return code.ImageBindModel(**sizes)
    schedule = partial(torch.linspace, device="cpu")  # its values are looked at
    with torch.device("meta"), mock.patch.object(torch, "linspace", schedule):
        return code.imagebind_huge(pretrained=False)


def imagebind(checkout: Path) -> Iterator[Row]:
    """Yields the audio and the video tower's difference, and that of the energies of 8 s to torchaudio's."""
    towers = {"vision_embed_dim": 160, "vision_num_blocks": 3, "vision_num_heads": 2}
    towers |= {"audio_embed_dim": 128, "audio_num_blocks": 3, "audio_num_heads": 2}
    others = {"text_embed_dim": 96, "text_num_blocks": 1, "depth_num_blocks": 1, "thermal_num_blocks": 1}
    theirs = drawn(imagebind_network(checkout, **towers, **others, imu_num_blocks=1, out_embed_dim=64))
    ours = loaded(theirs.state_dict(), ImageBindJudge.load)
    audio, video = 0.2 * torch.randn(8 * 16_000), _video(4, 224, 398)
    mels, pairs = clip_mels(audio), frame_pairs(video, 224)
    yield "ImageBind, Kaldi energies of 8 s", difference(mels, _torchaudio_mels(audio))
    expected = theirs({"audio": mels[None, :, None]})["audio"][0]
    yield "ImageBind, audio", difference(ours.judge_audio([audio], seeds=[0])[0]["embedding"], expected)
    expected = theirs({"vision": pairs[None]})["vision"][0]
    yield "ImageBind, video", difference(ours.judge_video(video)["embedding"], expected)


def synchformer_network(checkout: Path) -> Any:
    """Returns av-benchmark's Synchformer."""
    _prepare_old_transformers()
    empty_module("timm.layers", trunc_normal_=nn.init.trunc_normal_, to_2tuple=lambda size: (size, size))
    empty_module("omegaconf", OmegaConf=types.SimpleNamespace(load=_settings))
    sys.path.insert(0, str(checkout))
    ast = importlib.import_module("av_bench.synchformer.hf_src.modeling_ast").ASTPreTrainedModel
    ast.get_head_mask, ast.post_init = lambda _self, _mask, layers: [None] * layers, lambda _self: None
    return importlib.import_module("av_bench.synchformer.synchformer").Synchformer()


def synchformer(checkout: Path) -> Iterator[Row]:
    """Yields the difference of both encoders and of the comparison, at full size."""
    theirs: Any = drawn(synchformer_network(checkout))
    ours = loaded(theirs.state_dict(), SynchformerJudge.load)
    audio, video = 0.2 * torch.randn(10_240 + 2 * 5_120), _video(16, 224, 224)
    expected = theirs.extract_afeats(_segments(audio)[None, :, None])[0]
    yield "Synchformer, audio", difference(ours.judge_audio([audio], seeds=[0])[0]["segments"], expected)
    pixels = (torch.from_numpy(video).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
    expected = theirs.extract_vfeats(pixels[None, None])[0]
    yield "Synchformer, video", difference(ours.judge_video(video)["segments"], expected)
    both = torch.randn(2, 14, 8, 768), torch.randn(2, 14, 6, 768)
    yield "Synchformer, offsets", difference(ours.network.offset_logits(*both), theirs.compare_v_a(*both))


def timm_network(checkout: Path, **sizes: int) -> nn.Module:
    """Returns timm's Perception Encoder, by default at the sizes of `vit_pe_core_large_patch14_336`."""
    empty_module("torchvision.ops.misc", FrozenBatchNorm2d=nn.BatchNorm2d)
    package("timm", checkout / "timm", __version__="1")
    package("timm.models", checkout / "timm/models")
    names = ("IMAGENET_DEFAULT", "IMAGENET_INCEPTION", "OPENAI_CLIP")
    empty_module("timm.data", **{f"{name}_{kind}": (0.5,) * 3 for name in names for kind in ("MEAN", "STD")})
    for name in [name for name in sys.modules if name.startswith("timm.layers")]:
        del sys.modules[name]  # the empty one of the other originals
    settings = {"attn_type": "rope", "use_pre_transformer_norm": True, "use_rot_pos_emb": True, "rope_grid_offset": 1.0}
    settings |= {"rope_grid_indexing": "xy", "ref_feat_shape": (4, 4), "attn_pool_num_heads": 8, "global_pool": "map"}
    large = {"img_size": 336, "patch_size": 14, "embed_dim": 1024, "depth": 24, "num_heads": 16, "num_classes": 1024}
    eva = importlib.import_module("timm.models.eva").Eva
    network: nn.Module = eva(**{**large, **sizes}, **settings, norm_layer=partial(nn.LayerNorm, eps=1e-5))
    return network


def timm(checkout: Path) -> Iterator[Row]:
    """Yields the difference of PE-AV's frame encoder."""
    theirs = drawn(timm_network(checkout, img_size=56, embed_dim=192, depth=3, num_heads=3, num_classes=40))
    file = TensorFile(checkout, theirs.state_dict(), {})
    ours = build(lambda: FrameEncoder(frame_sizes(file)), file.tensors, checkout)
    pixels = torch.randn(2, 3, 56, 56)
    yield "PE-AV, frame encoder", difference(ours(pixels), theirs(pixels))


def _torchaudio_mels(audio: Tensor) -> Tensor:
    prepare_torchaudio()
    from torchaudio.compliance.kaldi import fbank

    settings = {"htk_compat": True, "window_type": "hanning", "num_mel_bins": 128, "dither": 0.0}
    clips = [audio[start : start + 32_000] for start in (0, 48_000, 96_000)]
    mels = [
        fbank((clip - clip.mean())[None], sample_frequency=16_000, use_energy=False, **settings).T for clip in clips
    ]
    return (nn.functional.pad(torch.stack(mels), (0, 6)) + 4.268) / 9.138


def _segments(audio: Tensor) -> Tensor:
    """The mel spectrograms that av-benchmark gives to Synchformer."""
    prepare_torchaudio()
    from torchaudio.transforms import MelSpectrogram

    mel = MelSpectrogram(sample_rate=16_000, win_length=400, hop_length=160, n_fft=1024, n_mels=128)
    log = (mel(audio.unfold(0, 10_240, 5_120)) + 1e-6).log()
    return (nn.functional.pad(log, (0, 66 - log.shape[-1])) + 4.2677393) / (2 * 4.5689974)


def _video(number: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (number, height, width, 3), np.uint8)


def _prepare_old_transformers() -> None:
    prepare_torchaudio()
    from transformers import pytorch_utils, utils

    for name in ("find_pruneable_heads_and_indices", "prune_linear_layer"):
        setattr(pytorch_utils, name, None)
    for name in ("add_code_sample_docstrings", "add_start_docstrings", "add_start_docstrings_to_model_forward"):
        setattr(utils, name, lambda *_texts, **_named: lambda function: function)


def _settings(path: str) -> types.SimpleNamespace:
    """Returns a YAML file's values with attribute access, as omegaconf has it."""

    def node(value: Any) -> Any:
        return types.SimpleNamespace(**{k: node(v) for k, v in value.items()}) if isinstance(value, dict) else value

    settings: types.SimpleNamespace = node(yaml.safe_load(Path(path).read_text("utf-8")))
    return settings


@dataclass(frozen=True)
class Original:
    """An original, from the checkouts that it needs: its network at full size, and its comparison with ours."""

    checkouts: tuple[str, ...]
    network: Callable[..., Any]
    compare: Callable[..., Iterator[Row]]


ORIGINALS: Final = {
    "imagebind": Original(("imagebind",), imagebind_network, imagebind),
    "synchformer": Original(("av-benchmark",), synchformer_network, synchformer),
    "pe-av frames": Original(("timm",), timm_network, timm),
    "vggish": Original(("av-benchmark",), vggish_network, vggish),
    "panns": Original(("av-benchmark", "torchlibrosa"), panns_network, panns),
    "passt": Original(("passt",), passt_network, passt),
    "laion-clap": Original(("clap", "torchlibrosa"), laion_clap_network, laion_clap),
    "ms-clap": Original(("ms-clap", "torchlibrosa"), ms_clap_network, ms_clap),
}
"""In an order in which one can follow the other in a process: they replace modules of each other."""


def given_originals(arguments: list[str] | None, part: str, description: str | None) -> list[tuple[str, list[Path]]]:
    """Returns the originals whose checkouts the arguments name, with these. Exits for a part without any."""
    parser = argparse.ArgumentParser(
        f"evaluation {part}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in sorted({name for original in ORIGINALS.values() for name in original.checkouts}):
        parser.add_argument(f"--{name}", type=Path, dest=name)
    given = vars(parser.parse_args(arguments))
    found = {judge: [given[name] for name in original.checkouts] for judge, original in ORIGINALS.items()}
    chosen = [(judge, paths) for judge, paths in found.items() if all(paths)]
    if not chosen:
        parser.error("give the checkouts of at least one original")
    return chosen


def main(arguments: list[str] | None = None) -> int:
    """Prints one line per output."""
    for judge, checkouts in given_originals(arguments, "originals", __doc__):
        torch.manual_seed(0)
        for output, relative in ORIGINALS[judge].compare(*checkouts):
            print(f"{output:34} {relative:.1e}", flush=True)
    return 0
