"""MMAudio's files: strict reading, conversion, export to equal bytes, a start for training (SPEC M1, M4, T1)."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from data_contracts import MismatchError, UsageError, WeightsError
from model.checkpoint import load_checkpoint, save_checkpoint
from model.config import preset
from model.mmaudio import convert, export, initial_weights, read_mmaudio
from model.mmaudio.layout import read_layout
from model.network import Network
from model.paper_specs import paper_specs
from model.variants import variant
from tests.model.mmaudio.files import CLIP, SYNC, TEXT, TOKENS, small_file, small_specs, start_from
from tests.model.mmaudio.reference import layout, state_dict

PUBLISHED = {
    # name: width, depth, fused, hidden, heads, channels, v2; tensors, parameters
    "small_16k": ((448, 12, 8, 1280, 7, 20, False), 251, 157_283_644),
    "small_44k": ((448, 12, 8, 1280, 7, 40, False), 251, 157_409_144),
    "medium_44k": ((896, 12, 8, 2560, 14, 40, False), 251, 621_805_944),
    "large_44k": ((896, 21, 14, 2560, 14, 40, False), 416, 1_030_002_168),
    "large_44k_v2": ((896, 21, 14, 2560, 14, 40, True), 416, 1_030_575_608),
}


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_m1_presets_are_mmaudios_to_the_last_key(name):
    (width, depth, fused, hidden, heads, channels, second), tensors, parameters = PUBLISHED[name]
    written = layout(
        width=width, depth=depth, fused=fused, hidden=hidden, second=second, head=64, channels=channels, clip=1024,
        sync=768, text=1024, tokens=77,
    )  # fmt: skip
    with torch.device("meta"):
        found = read_layout({key: torch.empty(shape) for key, shape in written.items()}, name)
        network = Network(found.network, found.specs())
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert shapes == written
    assert (len(shapes), sum(value.numel() for value in network.state_dict().values())) == (tensors, parameters)
    assert found.network.heads == heads
    expected = variant("mmaudio-s1").network_config(preset(name))
    assert found.network == expected
    assert found.specs() == paper_specs("mmaudio-16k" if channels == 20 else "mmaudio-44k")


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("kind", ["full", "m-1", "m-2", "m-3", "mmaudio-s2"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_conversion_and_export_give_the_very_same_tensors(tmp_path, version, kind, suffix):
    weights = small_file(tmp_path / "m.pth", version)
    convert(tmp_path / "m.pth", tmp_path / "ours.safetensors", kind=variant(kind), specs=small_specs())
    line = export(tmp_path / "ours.safetensors", tmp_path / f"back{suffix}")
    assert f"{len(weights)} tensors" in line
    path = tmp_path / f"back{suffix}"
    back = load_file(path) if suffix == ".safetensors" else torch.load(path, weights_only=True)
    assert back.keys() == weights.keys()
    assert all(torch.equal(back[key], weights[key]) for key in weights)


def test_the_header_says_where_it_came_from_and_keeps_learned_empty_features(tmp_path):
    small_file(tmp_path / "m.pth", "v2")
    convert(tmp_path / "m.pth", tmp_path / "ours.safetensors", specs=small_specs())
    network, info = load_checkpoint(tmp_path / "ours.safetensors")
    assert (info.network.version, info.network.absent, info.network.input_embedding) == ("v2", "learned", True)
    assert (info.specs, info.clip_s, info.step, info.placeholders) == (small_specs(), 8.0, 0, [])
    assert info.training["variant"] == "full"
    assert info.training["converted_from"]["file"] == "m.pth"
    assert len(info.training["converted_from"]["sha256"]) == 64
    assert info.training["converted_from"]["published"] is None
    assert bool(network.latent_std.isfinite().all())


def test_a_trainings_whole_state_safetensors_and_old_tables_are_read(tmp_path):
    weights = small_file(tmp_path / "m.pth")
    state = {"it": 7, "weights": weights, "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}, "ema": None}
    torch.save(state, tmp_path / "last.pth")
    save_file(weights, tmp_path / "m.safetensors")
    small_file(
        tmp_path / "old.pth", t_embed__freqs=torch.ones(3), latent_rot=torch.ones(1, 2), clip_rot=torch.ones(1, 2)
    )
    for name in ("last.pth", "m.safetensors", "old.pth"):
        found = read_mmaudio(tmp_path / name, small_specs()).tensors
        assert found.keys() == weights.keys()
        assert all(torch.equal(found[key], weights[key]) for key in weights)


def test_half_precision_becomes_fp32(tmp_path):
    weights = {key: value.half() for key, value in small_file(tmp_path / "m.pth").items()}
    torch.save(weights, tmp_path / "half.pth")
    found = read_mmaudio(tmp_path / "half.pth", small_specs()).tensors
    assert all(torch.equal(found[key], weights[key].float()) for key in weights)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fused_blocks__1__linear1__bias": None}, r"missing keys: fused_blocks\.1\.linear1\.bias$"),
        ({"lora__up": torch.ones(1)}, r"unknown keys: lora\.up$"),
        ({"clip_cond_proj__bias": torch.ones(9)}, r"wrong shapes: clip_cond_proj\.bias \(9,\), expected \(48,\)"),
        ({"latent_mean": torch.full((1, 1, 40), torch.nan)}, "latent_mean not set"),
        ({"sync_pos_emb": None}, "is not an MMAudio network: it has no sync_pos_emb"),
        ({"global_cond_mlp__w1__weight": torch.ones(100, 48)}, "feed-forward width 100"),
        ({"empty_string_feat": torch.ones(9, 20)}, "text tokens 9"),
        ({"joint_blocks__0__latent_block__attn__q_norm__weight": torch.ones(5)}, "each of 9 heads"),
        ({"sync_pos_emb": torch.ones(8, 12)}, r"sync_pos_emb has 2 axes, expected 4"),
    ],
)
def test_other_files_are_refused_in_one_line_that_names_the_keys(tmp_path, changes, message):
    small_file(tmp_path / "m.pth", **changes)
    with pytest.raises(WeightsError, match=message) as refused:
        read_mmaudio(tmp_path / "m.pth", small_specs())
    assert "\n" not in str(refused.value)


def test_many_wrong_keys_are_counted(tmp_path):
    small_file(tmp_path / "m.pth", **{f"extra{i}": torch.ones(1) for i in range(9)})
    with pytest.raises(WeightsError, match="extra0, extra1, extra2, extra3, extra4, extra5 and 3 more"):
        read_mmaudio(tmp_path / "m.pth", small_specs())


class _Trap:
    def __reduce__(self):
        return (print, ("code ran while reading weights",))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.one_of(st.just(b"hello\n"), st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_any_other_bytes_are_refused_in_one_line(tmp_path, junk):
    (tmp_path / "junk.pth").write_bytes(junk)
    with pytest.raises(WeightsError):
        convert(tmp_path / "junk.pth", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_code_in_a_file_is_not_run(tmp_path, capsys):
    with (tmp_path / "trap.pth").open("wb") as file:
        pickle.dump({"weights": _Trap()}, file, protocol=2)
    torch.save({"weights": _Trap()}, tmp_path / "trap2.pth")
    for name in ("trap.pth", "trap2.pth"):
        with pytest.raises(WeightsError, match="is not a checkpoint: neither"):
            read_mmaudio(tmp_path / name)
    assert "code ran" not in capsys.readouterr().out


def test_files_without_weights_are_refused(tmp_path):
    torch.save([torch.ones(1)], tmp_path / "list.pth")
    torch.save({"a": 3}, tmp_path / "numbers.pth")
    (tmp_path / "broken.safetensors").write_bytes(b"x" * 30)
    for name, message in (
        ("list.pth", "not a dict"), ("numbers.pth", "a is not a tensor"), ("broken.safetensors", "is not a checkpoint"),
        ("none.pth", "does not exist"),
    ):  # fmt: skip
        with pytest.raises(WeightsError, match=message):
            read_mmaudio(tmp_path / name)


def test_sizes_that_no_published_encoder_has_need_their_specs(tmp_path):
    small_file(tmp_path / "m.pth")
    with pytest.raises(WeightsError, match="clip width 24, MMAudio's encoders 1024"):
        read_mmaudio(tmp_path / "m.pth")


def _trained(tmp_path, **changes):
    """A converted checkpoint with some weights moved."""
    small_file(tmp_path / "m.pth")
    path = tmp_path / "ours.safetensors"
    convert(tmp_path / "m.pth", path, specs=small_specs())
    network, info = load_checkpoint(path)
    with torch.no_grad():
        for name, amount in changes.items():
            network.get_parameter(name.replace("__", ".")).add_(amount)
    save_checkpoint(path, network.state_dict(), network=info.network, specs=info.specs, clip_s=8.0, step=9)
    return path


def test_fine_tuned_weights_besides_the_embedding_are_exported(tmp_path):
    path = _trained(tmp_path, fused_blocks__0__linear1__bias=1.0)
    export(path, tmp_path / "back.pth")
    back = torch.load(tmp_path / "back.pth", weights_only=True)
    assert torch.equal(back["fused_blocks.0.linear1.bias"], read_mmaudio(tmp_path / "m.pth", small_specs()).tensors[
        "fused_blocks.0.linear1.bias"] + 1.0)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("input_embed__proj__weight", "projection is not the identity"),
        ("input_embed__proj__bias", "projection is not the identity"),
        ("input_embed__conv_pos_embed__conv1d__2__bias", "positions are trained"),
        ("audio_input_proj__0__weight", "further channels are used"),
    ],
)
def test_a_trained_embedding_is_exported_only_when_told(tmp_path, name, reason):
    path = _trained(tmp_path, **{name: 0.01})
    with pytest.raises(WeightsError, match=rf"{reason}.*--drop-input-embedding"):
        export(path, tmp_path / "back.pth")
    export(path, tmp_path / "back.pth", drop_input_embedding=True)
    assert read_mmaudio(tmp_path / "back.pth", small_specs()).layout.network.width == 48


def test_dropping_the_embedding_folds_its_linear_part_for_the_state(tmp_path):
    path = _trained(tmp_path, input_embed__proj__weight=0.01, audio_input_proj__0__weight=0.01)
    export(path, tmp_path / "back.pth", drop_input_embedding=True)
    ours, _ = load_checkpoint(path)
    theirs = read_mmaudio(tmp_path / "back.pth", small_specs()).tensors
    x = torch.randn(1, 30, 40)
    embedded = ours.audio_input_proj[0](ours.input_embed(x, torch.zeros_like(x)))
    folded = torch.nn.functional.conv1d(
        x.transpose(1, 2), theirs["audio_input_proj.0.weight"], theirs["audio_input_proj.0.bias"], padding=3
    ).transpose(1, 2)
    assert torch.allclose(embedded, folded, atol=1e-4)


def test_what_mmaudio_cannot_hold_is_not_exported(tmp_path):
    path = tmp_path / "zero.safetensors"
    small_file(tmp_path / "m.pth")
    config = dataclasses.replace(read_mmaudio(tmp_path / "m.pth", small_specs()).layout.network, absent="zero")
    weights = initial_weights(tmp_path / "m.pth", config, small_specs())
    save_checkpoint(path, weights, network=config, specs=small_specs(), clip_s=8.0, step=0)
    with pytest.raises(WeightsError, match="all-zero absent features"):
        export(path, tmp_path / "back.pth")
    with pytest.raises(UsageError, match=r"\.pth or \.safetensors"):
        export(path, tmp_path / "back.bin")


def test_a_network_narrower_than_its_latents_gets_no_embedding(tmp_path):
    narrow = state_dict(
        width=16, depth=2, fused=1, hidden=256, head=8, clip=CLIP, sync=SYNC, text=TEXT, tokens=TOKENS, second=False
    )
    torch.save(narrow, tmp_path / "m.pth")
    with pytest.raises(WeightsError, match="width 16 cannot pass on 40 latent channels"):
        convert(tmp_path / "m.pth", tmp_path / "ours.safetensors", specs=small_specs())


def test_t1_training_starts_from_an_mmaudio_file_or_from_its_conversion(tmp_path):
    small_file(tmp_path / "m.pth")
    convert(tmp_path / "m.pth", tmp_path / "ours.safetensors", specs=small_specs())
    base = read_mmaudio(tmp_path / "m.pth", small_specs()).layout.network
    config = dataclasses.replace(base, input_embedding=True, mask_video=True)
    direct, ours = (start_from(tmp_path / name, config, small_specs()) for name in ("m.pth", "ours.safetensors"))
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in direct.state_dict().items())
    assert bool(direct.latent_mean.isfinite().all())
    assert all(p.requires_grad for name, p in direct.named_parameters() if name != "empty_string_feat")
    zero = start_from(tmp_path / "m.pth", dataclasses.replace(config, absent="zero"), small_specs())
    assert "empty_clip_feat" not in zero.state_dict()
    plain = tmp_path / "plain.safetensors"
    convert(tmp_path / "m.pth", plain, kind=variant("mmaudio-s1"), specs=small_specs())
    again = start_from(plain, config, small_specs())
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in direct.state_dict().items())


def test_t1_a_start_of_other_sizes_or_other_encoders_is_refused(tmp_path):
    small_file(tmp_path / "m.pth")
    path = tmp_path / "ours.safetensors"
    convert(tmp_path / "m.pth", path, specs=small_specs())
    base = read_mmaudio(tmp_path / "m.pth", small_specs()).layout.network
    with pytest.raises(WeightsError, match="depth 4, the one to train has 5"):
        initial_weights(tmp_path / "m.pth", dataclasses.replace(base, depth=5), small_specs())
    with pytest.raises(WeightsError, match="has an InputEmbedding and the network to train has none"):
        initial_weights(path, base, small_specs())
    with pytest.raises(WeightsError, match="version v1"):
        initial_weights(tmp_path / "m.pth", dataclasses.replace(base, version="v2"), small_specs())
    specs = small_specs()
    other = dataclasses.replace(specs, sync=dataclasses.replace(specs.sync, name="another"))
    with pytest.raises(MismatchError, match="sync: the features uses another"):
        initial_weights(path, dataclasses.replace(base, input_embedding=True), other)


def test_an_export_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path, out = tmp_path / "ours.safetensors", tmp_path / "back.pth"
    small_file(tmp_path / "m.pth", "v2")
    convert(tmp_path / "m.pth", path, specs=small_specs())
    out.write_bytes(b"earlier")

    def full_disk(_tensors, where):
        where.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="no space left"):
        export(path, out)
    assert out.read_bytes() == b"earlier"
    assert [file.name for file in tmp_path.iterdir() if "tmp" in file.name] == []
