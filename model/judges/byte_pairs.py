"""Byte-pair tokens of RoBERTa and GPT-2, from the `vocab.json` and `merges.txt` of their repositories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from data_contracts import WeightsError

FILES: Final = ("vocab.json", "merges.txt")


class BytePairs:
    """Texts to ids; nothing is put before or after them."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, vocabulary: Path, merges: Path, size: int, special: Sequence[str]) -> Self:
        """Reads the two files. `special` tokens are never split; `size` is the size of the weights' vocabulary.

        Raises WeightsError when a file is missing, damaged, or does not belong to the weights.
        """
        from tokenizers import Tokenizer, pre_tokenizers
        from tokenizers.models import BPE

        for file in (vocabulary, merges):
            if not file.is_file():
                raise WeightsError(f"{file} is missing; the text needs {' and '.join(FILES)} beside the weights")
        try:
            tokenizer = Tokenizer(BPE.from_file(str(vocabulary), str(merges)))
        except Exception as error:  # the library raises a bare Exception for other files
            raise WeightsError(f"{vocabulary} and {merges.name} are not a BPE vocabulary ({error})") from error
        if tokenizer.get_vocab_size() != size:
            raise WeightsError(
                f"{vocabulary} has {tokenizer.get_vocab_size()} tokens, the weights have {size}; "
                "they do not belong together"
            )
        if unknown := [token for token in special if tokenizer.token_to_id(token) is None]:
            raise WeightsError(f"{vocabulary} has no token {unknown[0]}; is it of another model?")
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.add_special_tokens(list(special))
        return cls(tokenizer)

    def __call__(self, text: str) -> list[int]:
        """Returns the ids of a text."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def id(self, token: str) -> int:
        """Returns the id of a special token."""
        return int(self._tokenizer.token_to_id(token))
