"""The judge's weights file: what was saved is read; a foreign, older or damaged file is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from data_contracts import WeightsError
from model.judges.corpus_cnn_file import FORMAT, JudgeHeader, SoundClass, read_judge, save_judge
from model.judges.corpus_cnn_network import CorpusCNNConfig

HEADER = JudgeHeader(
    name="corpus-cnn",
    config=CorpusCNNConfig(classes=2, width=2, frame_dim=4, embedding_dim=3),
    classes=(
        SoundClass(name="a knock", kind="strike", material="wood"),
        SoundClass(name="rain", kind="rain", material="none"),
    ),
    tensors_sha256="",
    training={"step": 3, "settings": {"seed": 1}},
)  # fmt: skip
TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.float16)}


def test_what_was_saved_is_read(tmp_path: Path) -> None:
    save_judge(tmp_path / "judge.safetensors", TENSORS, HEADER)
    tensors, header = read_judge(tmp_path / "judge.safetensors")
    assert tensors.keys() == TENSORS.keys() and all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert (header.config, header.classes, header.training) == (HEADER.config, HEADER.classes, HEADER.training)
    assert len(header.tensors_sha256) == 64


def test_equal_weights_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_judge(tmp_path / name, dict(reversed(TENSORS.items())) if name == "two" else TENSORS, HEADER)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="are missing"):
        read_judge(tmp_path / "none.safetensors")


def test_changed_tensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "judge.safetensors"
    save_judge(path, TENSORS, HEADER)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"the header says .*: damaged"):
        read_judge(path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, f"no judge of this project in the format {FORMAT}"),
        ({"judge": "no JSON"}, "no judge of this project"),
        ({"judge": json.dumps({"format": "foleygenex-judge-0"})}, "no judge of this project"),
        ({"judge": json.dumps({"format": FORMAT, "name": "x"})}, r"its header is not that of a judge \('config'\)"),
        ({"judge": json.dumps({"format": FORMAT, "name": "x", "config": {"height": 3}})}, "not that of a judge"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path: Path, metadata: dict[str, str], message: str) -> None:
    save_file(TENSORS, str(tmp_path / "other.safetensors"), metadata=metadata)
    with pytest.raises(WeightsError, match=message):
        read_judge(tmp_path / "other.safetensors")
