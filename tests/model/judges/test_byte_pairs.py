"""Byte-pair tokens: as transformers' own tokenizers of RoBERTa and GPT-2, special tokens included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_contracts import WeightsError
from model.codec.torchaudio_shim import prepare_torchaudio
from model.judges.byte_pairs import BytePairs
from model.judges.laion_clap import SPECIAL
from tests.model.judges.audio_layouts import write_tokens

TEXTS = ("a dog", "A dog barks!!", "  two  spaces ", "", "ünï <mask> dog", "</s> dog<s>", "<|endoftext|> dog !", "狗")


def load(folder: Path, kind: str, special: tuple[str, ...]) -> BytePairs:
    size = write_tokens(folder, kind)
    return BytePairs.load(folder / "vocab.json", folder / "merges.txt", size, special)


@pytest.mark.parametrize(("kind", "special"), [("roberta", SPECIAL), ("gpt2", ("<|endoftext|>", "!"))])
def test_ids_are_those_of_the_originals_tokenizer(tmp_path: Path, kind: str, special: tuple[str, ...]) -> None:
    prepare_torchaudio()
    from transformers import GPT2Tokenizer, RobertaTokenizer

    tokens = load(tmp_path, kind, special)
    files = {"vocab": str(tmp_path / "vocab.json"), "merges": str(tmp_path / "merges.txt")}
    original = RobertaTokenizer(**files) if kind == "roberta" else GPT2Tokenizer(**files)
    if kind == "gpt2":
        original.add_special_tokens({"pad_token": "!"})  # as MS-CLAP does
    for text in TEXTS:
        assert tokens(text) == original(text, add_special_tokens=False)["input_ids"], text


def test_pairs_are_merged_and_unknown_signs_become_bytes(tmp_path: Path) -> None:
    tokens = load(tmp_path, "roberta", SPECIAL)
    names = json.loads((tmp_path / "vocab.json").read_text("utf-8"))
    assert tokens("a dog") == [names["a"], names["\u0120dog"]]
    assert len(tokens("狗")) == 3
    assert tokens.id("</s>") == 2


def test_missing_damaged_and_foreign_files_are_named(tmp_path: Path) -> None:
    vocabulary, merges = tmp_path / "vocab.json", tmp_path / "merges.txt"
    with pytest.raises(WeightsError, match=r"vocab\.json is missing; the text needs vocab\.json and merges\.txt"):
        BytePairs.load(vocabulary, merges, 9, ())
    size = write_tokens(tmp_path, "gpt2")
    with pytest.raises(WeightsError, match=rf"has {size} tokens, the weights have 9; they do not belong together"):
        BytePairs.load(vocabulary, merges, 9, ())
    with pytest.raises(WeightsError, match=r"vocab\.json has no token <s>; is it of another model"):
        BytePairs.load(vocabulary, merges, size, SPECIAL)
    vocabulary.write_text("{", "utf-8")
    with pytest.raises(WeightsError, match="are not a BPE vocabulary"):
        BytePairs.load(vocabulary, merges, size, ())
