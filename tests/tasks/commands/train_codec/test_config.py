"""Settings of the codec's training: the shipped codec's are the defaults; wrong ones are refused by name."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from model.codec import load_codec
from model.codec.codec import WEIGHTS_FOLDER
from model.codec.weights_file import read_codec_file
from tasks.commands.train_codec.config import CodecTrainConfig
from tasks.commands.train_codec.job import codec_sizes


def test_the_defaults_are_the_shipped_codecs_sizes_and_name() -> None:
    config = CodecTrainConfig()
    _, header, sizes = read_codec_file(WEIGHTS_FOLDER / "embedded_16k.safetensors")
    assert codec_sizes(config) == sizes
    assert header["name"] == config.name == load_codec("embedded_16k").spec.name


def test_every_setting_that_shapes_the_weights_is_in_the_shipped_header() -> None:
    stored = read_codec_file(WEIGHTS_FOLDER / "embedded_16k.safetensors")[1]["training"]["settings"]
    known = CodecTrainConfig.model_fields.keys()
    assert stored.keys() <= known
    for name in ("latent_dim", "encoder_dim", "decoder_dim"):
        assert stored[name] == getattr(CodecTrainConfig(), name)


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"steps": 0}, "steps"), ({"ema_decay": 1.0}, "ema_decay"), ({"corpus_share": 1.1}, "corpus_share"),
        ({"lr": 0}, "lr"), ({"corpus_scenes": 3}, "corpus_scenes"), ({"latent": 8}, "latent"),
    ],
)  # fmt: skip
def test_wrong_settings_are_refused_by_name(values: dict[str, object], where: str) -> None:
    with pytest.raises(ValidationError) as refused:
        CodecTrainConfig.model_validate(values)
    assert [error["loc"] for error in refused.value.errors()] == [(where,)]


def test_settings_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        CodecTrainConfig().lr = 1.0
