"""CLIP's byte-pair tokens from `vocab.json` and `merges.txt`: lower case, `</w>` at word ends, padded with id 0.

Text is cleaned as CLIP was trained on it: HTML entities resolved, white space folded. (The original also repairs
wrongly decoded characters, which needs another package; here such characters are kept.)
Source: SPEC M6.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch

from data_contracts import WeightsError

START, END = "<|startoftext|>", "<|endoftext|>"
PAD_ID: Final = 0  # open_clip pads with 0; transformers' tokenizer would pad with END
_WORDS: Final = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


class ClipTokens:
    """Texts to ids (B, L): START, the tokens, END, zeros; a longer text is cut and still ends in END."""

    def __init__(self, tokenizer: Any, length: int) -> None:
        self.length = length
        self._tokenizer = tokenizer
        self._start, self._end = (self._id(token) for token in (START, END))

    @classmethod
    def load(cls, folder: Path, length: int, vocabulary: int) -> ClipTokens:
        """Reads `vocab.json` and `merges.txt`. Raises WeightsError when they are missing, or do not fit the weights."""
        from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
        from tokenizers.models import BPE

        files = (folder / "vocab.json", folder / "merges.txt")
        for file in files:
            if not file.is_file():
                raise WeightsError(f"{file} is missing; CLIP's text needs vocab.json and merges.txt beside its weights")
        try:
            model = BPE.from_file(str(files[0]), str(files[1]), end_of_word_suffix="</w>", unk_token=END)
        except Exception as error:  # the library raises a bare Exception for other files
            raise WeightsError(f"{files[0]} and merges.txt are not a BPE vocabulary ({error})") from error
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        found = tokenizer.get_vocab_size()
        if found != vocabulary:
            raise WeightsError(
                f"{files[0]} has {found} tokens, the weights have {vocabulary}; they do not belong together"
            )
        return cls(tokenizer, length)

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """Returns (B, L) int64."""
        rows = torch.full((len(texts), self.length), PAD_ID, dtype=torch.int64)
        for index, text in enumerate(texts):
            ids = [self._start, *self._inner(text)[: self.length - 2], self._end]
            rows[index, : len(ids)] = torch.tensor(ids)
        return rows

    def count(self, text: str) -> int:
        """Returns how many ids a text has before it is cut, START and END included."""
        return len(self._inner(text)) + 2

    def _inner(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(html.unescape(html.unescape(text)).strip()).ids
        return ids

    def _id(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise WeightsError(f"the vocabulary has no {token}; is it CLIP's?")
        return int(found)
