"""Checkpoints come back as they were, and nothing else is taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from data_contracts import WeightsError
from model import checkpoint
from model.checkpoint import (
    FORMAT,
    FORMAT_VERSION,
    checkpoint_file,
    is_builtin,
    load_checkpoint,
    read_info,
    save_checkpoint,
)
from model.network import build_network
from tests.model.fakes import TOY, toy_specs


def saved(path):
    network = build_network(TOY, toy_specs(), seed=1)
    network.set_latent_stats(torch.arange(4.0), torch.ones(4))
    sha256 = save_checkpoint(
        path, network.state_dict(), network=TOY, specs=toy_specs(), clip_s=2.0, step=7, training={"lr": 0.1}
    )
    return network, sha256


def test_a_checkpoint_comes_back_whole(tmp_path):
    path = tmp_path / "c.safetensors"
    network, _ = saved(path)
    loaded, info = load_checkpoint(path)
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in network.state_dict().items())
    assert (info.network, info.specs, info.step, info.clip_s) == (TOY, toy_specs(), 7, 2.0)
    assert info.placeholders == ["toy", "toy-text", "toy-clip", "toy-sync"]
    assert info.training == {"lr": 0.1}
    assert not loaded.training
    assert torch.equal(loaded.latent_mean.flatten(), torch.arange(4.0))


def test_equal_weights_give_equal_bytes(tmp_path):
    first, second = (saved(tmp_path / name)[1] for name in ("a", "b"))
    assert first == second
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_missing_foreign_and_incomplete_files_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="does not exist"):
        read_info(tmp_path / "none.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"x" * 40)
    with pytest.raises(WeightsError, match="not a safetensors file"):
        read_info(broken)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(1)}, foreign)
    with pytest.raises(WeightsError, match="is not of this project"):
        read_info(foreign)
    save_file({"a": torch.zeros(1)}, foreign, metadata={"foleygenex": '{"format": "other", "version": 9}'})
    with pytest.raises(WeightsError, match=r"this release reads .*; train again: `foleygenex run train CONFIG"):
        read_info(foreign)
    values = json.dumps(
        {"format": FORMAT, "version": FORMAT_VERSION, "network": {}, "specs": {"codec": {"stand_in": 1}}}
    )
    save_file({"a": torch.zeros(1)}, foreign, metadata={"foleygenex": values})
    with pytest.raises(WeightsError, match=r"has a header of another release .*; train again"):
        read_info(foreign)


def test_a_missing_weight_is_named(tmp_path):
    path = tmp_path / "c.safetensors"
    saved(path)
    weights = load_file(path)
    header = {"foleygenex": json.dumps(_header(path))}
    weights.pop("t_embed.mlp.0.weight")
    save_file(weights, path, metadata=header)
    with pytest.raises(WeightsError, match=r"t_embed\.mlp\.0\.weight"):
        load_checkpoint(path)


def _header(path):
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["foleygenex"])


def test_the_built_in_checkpoint_has_a_name_and_its_absence_says_what_to_do(tmp_path, monkeypatch):
    shipped = tmp_path / "builtin.safetensors"
    monkeypatch.setattr(checkpoint, "BUILTIN_FILE", shipped)
    with pytest.raises(WeightsError, match=r"no built-in checkpoint .*train a checkpoint with `foleygenex demo`"):
        checkpoint_file(Path("builtin"))
    shipped.write_bytes(b"")
    assert checkpoint_file(Path("builtin")) == shipped and checkpoint_file(tmp_path / "c") == tmp_path / "c"
    assert is_builtin(shipped) and is_builtin(Path("builtin")) and not is_builtin(tmp_path / "c")


@pytest.mark.skipif(not checkpoint.BUILTIN_FILE.is_file(), reason="this checkout has no built-in checkpoint yet")
def test_the_built_in_checkpoint_fits_the_embedded_parts_and_is_small():
    from model.codec import load_codec
    from model.specs import same_component

    info = read_info(checkpoint.BUILTIN_FILE)
    assert same_component(load_codec(info.specs.codec.name).spec, info.specs.codec)
    assert checkpoint.BUILTIN_FILE.stat().st_size < 20_000_000 and info.training.get("variant") == "full"
    load_checkpoint(checkpoint.BUILTIN_FILE)
