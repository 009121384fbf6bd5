"""Small files in the published layouts of the judges that read one file, and audio for them."""

from __future__ import annotations

from pathlib import Path

import torch

from model.judges import AudioJudge, load_judge
from tests.model.codec.layouts import Shapes
from tests.model.judges import imagebind, synchformer
from tests.model.judges.audio_layouts import cnn14, gpt2, htsat, laion_clap, ms_clap, passt, roberta, tensors, vggish
from tests.model.judges.audio_layouts import write_tokens as write_tokens

NAMES = ("vggish", "panns", "passt", "laion-clap", "ms-clap", "imagebind", "synchformer")
TEXT_WIDTH = 64
AUDIO = htsat(8, (2, 2), (1, 2), window=64)


def small_shapes(name: str, vocabulary: int = 0) -> Shapes:
    """The published layout at a size that costs no time; the front ends' rates and lengths are the published ones."""
    return {
        "vggish": lambda: vggish((2, 2, 3, 3, 4, 4), 6, 5),
        "panns": lambda: cnn14((2, 3, 3, 4, 4, 5), 6, 527, window=64),
        "passt": lambda: passt(64, 1),
        "laion-clap": lambda: laion_clap(AUDIO, roberta(TEXT_WIDTH, 2, vocabulary, 90), 12),
        "ms-clap": lambda: ms_clap(AUDIO, gpt2(TEXT_WIDTH, 2, vocabulary, 80), 12),
    }[name]()


def small_tensors(name: str, vocabulary: int = 0) -> dict[str, torch.Tensor]:
    """The weights of a small judge."""
    if name == "imagebind":
        return imagebind.tiny()
    return synchformer.tiny() if name == "synchformer" else tensors(small_shapes(name, vocabulary))


def write_small(name: str, folder: Path, wrapper: str = "", prefix: str = "") -> Path:
    """Writes the checkpoint (and tokenizer) of a small judge. Returns the checkpoint's path."""
    kind = {"laion-clap": "roberta", "ms-clap": "gpt2"}.get(name)
    made = small_tensors(name, write_tokens(folder, kind) if kind else 0)
    content: dict = {prefix + key: value for key, value in made.items()}
    path = folder / f"{name}.pth"
    torch.save({wrapper: content} if wrapper else content, path)
    return path


def load_small(name: str, folder: Path) -> AudioJudge:
    judge = load_judge(f"{name}:{write_small(name, folder)}")
    assert isinstance(judge, AudioJudge)
    return judge


def sound(samples: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))
