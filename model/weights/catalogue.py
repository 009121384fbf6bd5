"""Which published weights this project can use: where each file comes from, its hash where its authors gave one.

A hash that nobody published is not made up: it is None here and is recorded when the file is first used. Sizes are
exact where they were given in bytes, else about right. The licences are what the sources said when this was written;
read the source before you rely on one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """One file of a hub repository (or, with `url`, of a web server). None: not published, or not known."""

    repo: str
    path: str
    revision: str = "main"
    url: str | None = None
    sha256: str | None = None
    md5: str | None = None
    size_bytes: int | None = None
    size_exact: bool = False

    @property
    def source(self) -> str:
        """Where it comes from, as a person would write it."""
        return self.url or f"{self.repo} (model hub), {self.path}"

    @property
    def place(self) -> str:
        """Its path below the weights folder."""
        return f"{self.repo}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a run that needs published files. `names` are its names in a config; `use` is what it is."""

    name: str
    use: str
    purpose: str
    licence: str
    files: tuple[WeightFile, ...]
    caveat: str = ""
    names: tuple[str, ...] = field(default=())

    @property
    def fetch_command(self) -> str:
        """The command that brings the files."""
        return f"foleygenex weights fetch {self.name}"


def _hub(repo: str, path: str, size: int | None = None, **more: object) -> WeightFile:
    return WeightFile(repo=repo, path=path, size_bytes=size, **more)  # type: ignore[arg-type]  # typed by the field


_MMAUDIO = "hkchengrex/MMAudio"
_MMAUDIO_LICENCE = "CC BY-NC 4.0 (weights), MIT (code)"
_NON_COMMERCIAL = "no commercial use"
_VAE_44K = _hub(_MMAUDIO, "ext_weights/v1-44.pth", 1_222 * _MB, md5="fab020275fa44c6589820ce025191600")
_VAE_16K = _hub(_MMAUDIO, "ext_weights/v1-16.pth", 687 * _MB, md5="69f56803f59a549a1a507c93859fd4d7")
_NET_G = _hub(_MMAUDIO, "ext_weights/best_netG.pt", 449 * _MB, md5="eeaf372a38a9c31c362120aba2dde292")
_BIGVGAN = "nvidia/bigvgan_v2_44khz_128band_512x"
_BIGVGAN_REVISION = "95a9d1dcb12906c03edd938d77b9333d6ded7dfb"
_CLIP = "apple/DFN5B-CLIP-ViT-H-14-384"


def _codecs() -> list[Part]:
    return [
        Part(
            name="moss-dacvae",
            use="codec",
            purpose="48 kHz mono sound as 128 channels at 50 Hz",
            licence="Apache-2.0 (the repository's README, for the whole family)",
            caveat="never compared with Tencent's file; compare the hashes before relying on this licence",
            files=(_hub("OpenMOSS-Team/MOSS-SoundEffect-v2.0", "vae/vae_128d_48k.pth", 1_486 * _MB),),
        ),
        Part(
            name="tencent-dacvae",
            use="codec",
            purpose="the same network as moss-dacvae, from HunyuanVideo-Foley",
            licence="Tencent Hunyuan Community",
            caveat="not for the EU, the UK and South Korea; not to improve any other AI model",
            files=(_hub("tencent/HunyuanVideo-Foley", "vae_128d_48k.pth", 1_486 * _MB),),
        ),
        Part(
            name="meta-dacvae",
            use="codec",
            purpose="48 kHz mono sound as 128 channels at 25 Hz; decodes with a watermark",
            licence="Apache-2.0",
            caveat="`meta-dacvae-plain` is the same file decoded without its watermark",
            files=(_hub("facebook/dacvae-watermarked", "weights.pth", 431 * _MB),),
            names=("meta-dacvae", "meta-dacvae-plain"),
        ),
        Part(
            name="mmaudio-44k",
            use="codec",
            purpose="44.1 kHz mono sound as 40 channels at 43 Hz: mel VAE and BigVGAN v2 (the paper's sizes, SPEC M1)",
            licence=f"{_MMAUDIO_LICENCE}; vocoder MIT",
            caveat=_NON_COMMERCIAL,
            files=(
                _VAE_44K,
                _hub(_BIGVGAN, "config.json", revision=_BIGVGAN_REVISION),
                _hub(_BIGVGAN, "bigvgan_generator.pt", 489 * _MB, revision=_BIGVGAN_REVISION),
            ),
        ),
        Part(
            name="mmaudio-16k",
            use="codec",
            purpose="16 kHz mono sound as 20 channels at 31 Hz: mel VAE and BigVGAN",
            licence=f"{_MMAUDIO_LICENCE}; vocoder MIT",
            caveat=_NON_COMMERCIAL,
            files=(_VAE_16K, _NET_G),
        ),
        _oobleck("stable-audio-open", "stabilityai/stable-audio-open-1.0", "44.1 kHz stereo, 64 channels at 21.5 Hz"),
        _oobleck("ace-step", "ACE-Step/Ace-Step1.5", "48 kHz stereo, 64 channels at 25 Hz"),
    ]


def _oobleck(name: str, repo: str, purpose: str) -> Part:
    gated = repo.startswith("stabilityai")
    return Part(
        name=name,
        use="codec",
        purpose=purpose,
        licence="Stability AI Community" if gated else "see the repository's card",
        caveat="gated: accept the licence on the hub and log in first" if gated else "",
        files=(
            _hub(repo, "vae/config.json"),
            _hub(repo, "vae/diffusion_pytorch_model.safetensors"),
        ),
    )


def _encoders() -> list[Part]:
    return [
        Part(
            name="clip-dfn5b",
            use="text and image encoder",
            purpose="77 x 1024 token states (SPEC M6) and 1024 per frame at 8 fps (SPEC M7)",
            licence="apple-amlr (was Apple's sample code licence)",
            caveat="a research licence: read it",
            files=(
                _hub(_CLIP, "open_clip_config.json"),
                _hub(_CLIP, "open_clip_pytorch_model.bin", 3_947_081_637, size_exact=True),
                _hub(_CLIP, "vocab.json"),
                _hub(_CLIP, "merges.txt"),
            ),
        ),
        Part(
            name="synchformer",
            use="sync encoder",
            purpose="8 x 768 per window of 0.64 s at 25 fps (SPEC M8); the same file gives DeSync (SPEC E1)",
            licence="MIT (code); the file is AudioSet-trained, 24-01-04T16-39-21",
            files=(
                _hub(
                    _MMAUDIO,
                    "ext_weights/synchformer_state_dict.pth",
                    950_058_171,
                    size_exact=True,
                    md5="5b2f5594b0730f70e41e549b7c94390c",
                ),
            ),
        ),
    ]


def _networks() -> list[Part]:
    known = {
        "small_16k": ("af93cde404179f58e3919ac085b8033b", 601 * _MB),
        "small_44k": ("babd74c884783d13701ea2820a5f5b6d", 601 * _MB),
        "medium_44k": ("5a56b6665e45a1e65ada534defa903d0", 2_400 * _MB),
        "large_44k": ("fed96c325a6785b85ce75ae1aafd2673", 3_900 * _MB),
        "large_44k_v2": ("01ad4464f049b2d7efdaa4c1a59b8dfe", 3_900 * _MB),
    }
    return [
        Part(
            name=f"mmaudio-net-{size.replace('_', '-')}",
            use="network to start from",
            purpose=f"MMAudio {size}, for `foleygenex convert mmaudio` (SPEC M1)",
            licence=_MMAUDIO_LICENCE,
            caveat=_NON_COMMERCIAL,
            files=(_hub(_MMAUDIO, f"weights/mmaudio_{size}.pth", bytes_, md5=md5),),
        )
        for size, (md5, bytes_) in known.items()
    ]


def _metrics() -> list[Part]:
    passt = "https://github.com/kkoutini/PaSST/releases/download/v0.0.1-audioset/passt-s-f128-p16-s10-ap.476-swa.pt"
    vggish = "https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth"
    panns = "https://zenodo.org/record/3987831/files/Cnn14_16k_mAP%3D0.438.pth"
    imagebind = "https://dl.fbaipublicfiles.com/imagebind/imagebind_huge.pth"
    clap = _hub("lukewys/laion_clap", "music_speech_audioset_epoch_15_esc_89.98.pt")
    rows = [
        ("vggish", "FD_VGG", "Apache-2.0", "", _web("vggish", vggish)),
        ("panns", "FD, KL and IS of PANNs", "see Zenodo 3987831", "", _web("panns", panns)),
        ("passt", "FD, KL and IS of PaSST", "see the repository", "", _web("passt", passt)),
        ("imagebind", "IB-score", "CC BY-NC-SA 4.0", _NON_COMMERCIAL, _web("imagebind", imagebind)),
        ("laion-clap", "CLAP_T", "CC0", "also reads the tokenizer of hub repository roberta-base", clap),
        (
            "ms-clap",
            "MS-CLAP",
            "MIT",
            "also reads hub repository gpt2",
            _hub("microsoft/msclap", "CLAP_weights_2023.pth"),
        ),
    ]
    return [
        Part(
            name=name,
            use="metric",
            purpose=f"{what} of av-benchmark (SPEC E1)",
            licence=licence,
            caveat=note,
            files=(file,),
        )
        for name, what, licence, note, file in rows
    ]


def _web(folder: str, url: str) -> WeightFile:
    return WeightFile(repo=f"web/{folder}", path=url.rsplit("/", 1)[1].replace("%3D", "="), url=url)


PARTS: Final[Mapping[str, Part]] = {part.name: part for part in (*_codecs(), *_encoders(), *_networks(), *_metrics())}
