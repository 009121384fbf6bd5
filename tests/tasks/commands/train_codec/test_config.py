"""Settings of the codec's training: the shipped codec's are the defaults; wrong ones are refused by name."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from data_contracts import UsageError
from model.codec import StackedMelConfig
from model.codec.codec import WEIGHTS_FOLDER
from model.codec.weights_file import read_codec_file
from tasks.commands.train_codec.config import CodecTrainConfig
from tasks.commands.train_codec.mel_vae import mel_vae_sizes
from tasks.engine.settings import load_settings

SHIPPED = WEIGHTS_FOLDER / "embedded_16k.safetensors"


def test_the_defaults_are_the_shipped_codecs_sizes_and_name() -> None:
    config = CodecTrainConfig()
    _, header, sizes = read_codec_file(SHIPPED)
    assert (config.kind, config.name) == (header["kind"], header["name"]) == ("mel-vae", "embedded_16k")
    assert mel_vae_sizes(config.mel_vae) == sizes == StackedMelConfig()


def test_the_shipped_weights_were_made_by_the_default_settings() -> None:
    """What the card says: the command without a setting makes them."""
    training = read_codec_file(SHIPPED)[1]["training"]
    assert training["settings"] == CodecTrainConfig().model_dump(mode="json", exclude={"device"})
    assert training["step"] == CodecTrainConfig().mel_vae.steps


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"mel_vae": {"steps": 0}}, ("mel_vae", "steps")), ({"ema_decay": 1.0}, ("ema_decay",)),
        ({"corpus_share": 1.1}, ("corpus_share",)), ({"dac_vae": {"lr": 0}}, ("dac_vae", "lr")),
        ({"corpus_scenes": 3}, ("corpus_scenes",)), ({"steps": 8}, ("steps",)), ({"kind": "dac"}, ("kind",)),
        ({"mel_vae": {"latent_std": 0}}, ("mel_vae", "latent_std")),
        ({"mel_vae": {"encoder_dim": 8}}, ("mel_vae", "encoder_dim")),
    ],
)  # fmt: skip
def test_wrong_settings_are_refused_by_name(values: dict[str, object], where: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as refused:
        CodecTrainConfig.model_validate(values)
    assert [error["loc"] for error in refused.value.errors()] == [where]


def test_a_setting_of_one_kind_leaves_its_other_defaults() -> None:
    config = load_settings(CodecTrainConfig, None, ["mel_vae.steps=7", "kind=dac-vae"])
    assert config.mel_vae == CodecTrainConfig().mel_vae.model_copy(update={"steps": 7})
    assert config.optimiser is config.dac_vae
    with pytest.raises(UsageError, match="steps"):
        load_settings(CodecTrainConfig, None, ["mel_vae.steps=0"])


def test_settings_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        CodecTrainConfig().seed = 1
