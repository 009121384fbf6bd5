"""Codec files that are refused: damaged, foreign, with code in them, or of a network that is no VAE."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest
import torch

from data_contracts import WeightsError
from model.codec import load_codec
from tests.model.codec import published


def test_a_missing_or_extra_tensor_is_refused(files: dict[str, str], tmp_path: Path) -> None:
    tensors = published.dac_vae()
    tensors.pop("post_quant_conv.bias")
    torch.save({"state_dict": tensors, "metadata": {"kwargs": published.DAC_KWARGS}}, tmp_path / "short.pth")
    with pytest.raises(WeightsError, match=r"do not fit.*post_quant_conv\.bias"):
        load_codec(f"moss-dacvae:{tmp_path / 'short.pth'}")
    torch.save({"state_dict": published.dac_vae()}, tmp_path / "unsaid.pth")  # sizes of the published one
    with pytest.raises(WeightsError, match="do not fit their layout"):
        load_codec(f"moss-dacvae:{tmp_path / 'unsaid.pth'}")
    shutil.copytree(files["mmaudio-44k"].partition(":")[2], tmp_path / "m44")
    torch.save({**published.mel_vae(128), "extra": torch.zeros(1)}, tmp_path / "m44" / "v1-44.pth")
    with pytest.raises(WeightsError, match="extra"):
        load_codec(f"mmaudio-44k:{tmp_path / 'm44'}")


def test_code_in_a_file_is_refused_not_run(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "package.pt", "w") as archive:
        archive.writestr("model/model/model.pkl", b"x")
        archive.writestr("model/module.py", "raise SystemExit")
    with pytest.raises(WeightsError, match=r"torch\.package"):
        load_codec(str(tmp_path / "package.pt"))
    marker = tmp_path / "ran"
    torch.save({"state_dict": Touch(marker)}, tmp_path / "object.pth")
    with pytest.raises(WeightsError, match="refused"):
        load_codec(f"moss-dacvae:{tmp_path / 'object.pth'}")
    (tmp_path / "legacy.pth").write_bytes(pickle.dumps(Touch(marker)))
    with pytest.raises(WeightsError, match="refused"):
        load_codec(str(tmp_path / "legacy.pth"))
    assert not marker.exists()


class Touch:
    """Unpickling it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple:
        return (open, (self.path, "w"))


def test_damaged_missing_and_foreign_files_are_said_in_one_line(files: dict[str, str], tmp_path: Path) -> None:
    whole = Path(files["moss-dacvae"].partition(":")[2]).read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    torch.save({"a.weight": torch.zeros(2)}, tmp_path / "other.pth")
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    for asked, words in (
        (f"moss-dacvae:{tmp_path / 'cut.pth'}", "damaged"),
        (f"moss-dacvae:{tmp_path / 'none.pth'}", "missing"),
        (str(tmp_path / "other.pth"), "not a known codec"),
        (str(tmp_path / "list.pth"), "no state_dict"),
        (str(tmp_path), "give a codec's file or folder"),
        (f"mmaudio-44k:{tmp_path / 'other.pth'}", "give the folder"),
        ("oobleck", "oobleck:PATH"),
        ("moss_dacvaes", "is unknown"),
    ):
        with pytest.raises(WeightsError, match=words) as raised:
            load_codec(asked)
        assert "\n" not in str(raised.value)


def test_descripts_own_codec_is_refused_because_it_is_no_vae(tmp_path: Path) -> None:
    torch.save({"quantizer.quantizers.0.in_proj.weight_v": torch.zeros(8, 4, 1)}, tmp_path / "weights.pth")
    for asked in ("dac_44khz", f"dac-44khz:{tmp_path / 'weights.pth'}", str(tmp_path / "weights.pth")):
        with pytest.raises(WeightsError, match="not a VAE"):
            load_codec(asked)


def test_settings_that_make_no_vae_are_refused(tmp_path: Path) -> None:
    tensors = published.dac_vae()
    for kwargs, words in (
        ({**published.DAC_KWARGS, "continuous": False}, "quantising"),
        ({**published.DAC_KWARGS, "decoder_rates": [2, 3, 4]}, "do not mirror"),
    ):
        torch.save({"state_dict": tensors, "metadata": {"kwargs": kwargs}}, tmp_path / "bad.pth")
        with pytest.raises(WeightsError, match=words):
            load_codec(f"moss-dacvae:{tmp_path / 'bad.pth'}")
    for change, words in (
        ({"_class_name": "AutoencoderKL"}, "AutoencoderKL"),
        ({"encoder_hidden_size": 12}, "mean and scale"),
        ({"channel_multiples": [1, 2]}, "downsampling_ratios"),
    ):
        (tmp_path / "config.json").write_text(json.dumps({**published.OOBLECK_CONFIG, **change}))
        with pytest.raises(WeightsError, match=words):
            load_codec(f"oobleck:{tmp_path}")


def test_a_published_name_without_its_file_says_file_source_and_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLEYGENEX_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    for name in ("moss-dacvae", "meta_dacvae_plain", "mmaudio-44k", "ace-step"):
        with pytest.raises(WeightsError, match=r"foleygenex weights fetch") as raised:
            load_codec(name)
        assert "is not downloaded" in str(raised.value) and "licence" in str(raised.value)


def test_a_published_name_with_another_network_behind_it_is_refused(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLEYGENEX_WEIGHTS", str(tmp_path))
    place = tmp_path / "OpenMOSS-Team/MOSS-SoundEffect-v2.0/vae/vae_128d_48k.pth"
    place.parent.mkdir(parents=True)
    shutil.copy(files["moss-dacvae"].partition(":")[2], place)
    with pytest.raises(WeightsError, match="not the published one"):
        load_codec("moss-dacvae")
