"""Names of tensors as DDP, `torch.compile`, Lightning and wrappers leave them, in every file that is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from data_contracts import WeightsError
from model.checkpoint import load_checkpoint, read_weights, save_checkpoint
from model.mmaudio.files import read_mmaudio
from model.network import build_network
from model.weights.files import read_tensors
from model.weights.names import WRAPPERS, layer_count, plain_names, unwrapped
from tests.model.fakes import TOY, toy_specs
from tests.model.mmaudio.files import small_specs, small_weights

PREFIXES = ("module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.", "net.module.", "network.")
NAMES = {"a.weight": 1, "a.bias": 2, "b.module.weight": 3}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_of_all_names_is_taken_off(prefix: str) -> None:
    assert plain_names({prefix + name: value for name, value in NAMES.items()}, "it") == NAMES


def test_other_names_stay() -> None:
    assert plain_names(NAMES, "it") == NAMES
    partly = {"module.a.weight": 1, "b.weight": 2}
    assert plain_names(partly, "it") == partly
    assert plain_names({}, "it") == {}


def test_compiled_modules_inside_a_network_have_plain_names() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    expected = list(network.state_dict())
    network[1] = torch.compile(network[1], backend="eager")
    assert list(plain_names(network.state_dict(), "it")) == expected
    assert list(plain_names(torch.compile(network, backend="eager").state_dict(), "it")) == expected


def test_a_tensor_that_is_there_twice_is_named() -> None:
    with pytest.raises(WeightsError, match=r"it has the tensor a.weight twice, once with the prefix _orig_mod\."):
        plain_names({"a.weight": 1, "_orig_mod.a.weight": 2}, "it")


@given(st.lists(st.sampled_from(WRAPPERS), max_size=4))
def test_wrappers_are_opened_however_deep(wrappers: list[str]) -> None:
    content: dict[str, Any] = dict(NAMES)
    for wrapper in wrappers:
        content = {wrapper: content, "epoch": 3, "optimizer": {"lr": 1}}
    assert unwrapped(content) == NAMES


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("wrapper", ["", *WRAPPERS])
def test_codec_and_encoder_files_are_read_with_prefix_and_wrapper(tmp_path: Path, prefix: str, wrapper: str) -> None:
    named = {prefix + name: torch.tensor(float(value)) for name, value in NAMES.items()}
    torch.save({wrapper: named, "epoch": 3} if wrapper else named, tmp_path / "w.pth")
    assert {name: int(value) for name, value in read_tensors(tmp_path / "w.pth").tensors.items()} == NAMES
    save_file(named, tmp_path / "w.safetensors")
    assert set(read_tensors(tmp_path / "w.safetensors").tensors) == set(NAMES)


def test_what_is_no_tensor_is_named(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1), "epoch": 3}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"w\.pth have epoch beside the tensors; save its state_dict alone"):
        read_tensors(tmp_path / "w.pth")


@pytest.mark.parametrize("wrapper", ["", "state_dict", "weights"])
@pytest.mark.parametrize("prefix", ["module.", "_orig_mod."])
def test_mmaudio_files_are_read_with_a_prefix(tmp_path: Path, prefix: str, wrapper: str) -> None:
    weights = small_weights("v2")
    named = {prefix + name: value for name, value in weights.items()}
    torch.save({wrapper: named, "step": 7} if wrapper else named, tmp_path / "m.pth")
    assert same(read_mmaudio(tmp_path / "m.pth", small_specs()).tensors, weights)
    torch.save(named | {f"{prefix}extra.bias": torch.ones(1)}, tmp_path / "more.pth")
    with pytest.raises(WeightsError, match=r"unknown keys: extra\.bias$"):
        read_mmaudio(tmp_path / "more.pth", small_specs())


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_checkpoint_with_a_prefix_is_the_checkpoint(tmp_path: Path, prefix: str) -> None:
    network = build_network(TOY, toy_specs(), seed=1)
    network.set_latent_stats(torch.zeros(4), torch.ones(4))
    weights = {prefix + name: value for name, value in network.state_dict().items()}
    settings: dict[str, Any] = {"network": TOY, "specs": toy_specs(), "clip_s": 2.0, "step": 1}
    save_checkpoint(tmp_path / "c.safetensors", weights, **settings)
    assert next(iter(load_file(tmp_path / "c.safetensors"))).startswith(prefix)
    assert same(read_weights(tmp_path / "c.safetensors"), network.state_dict())
    assert same(load_checkpoint(tmp_path / "c.safetensors")[0].state_dict(), network.state_dict())
    save_checkpoint(tmp_path / "more.safetensors", weights | {f"{prefix}extra": torch.ones(1)}, **settings)
    with pytest.raises(WeightsError, match=r'does not fit its own header.*Unexpected key\(s\).*"extra"'):
        load_checkpoint(tmp_path / "more.safetensors")


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


def test_numbered_layers_are_counted_after_their_prefix() -> None:
    names = ["blocks.0.a", "blocks.0.b", "blocks.10.a", "other.blocks.3.a", "blocks"]
    assert layer_count(names, "blocks.") == 2 and layer_count(names, "other.blocks.") == 1
    assert layer_count(names, "layers.") == 0
