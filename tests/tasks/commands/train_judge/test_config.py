"""Settings of the judge's training: the shipped judge's are the defaults; wrong ones are refused by name."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from model.judges.corpus_cnn import WEIGHTS
from model.judges.corpus_cnn_file import read_judge
from tasks.commands.train_judge.config import JudgeTrainConfig
from tasks.commands.train_judge.sounds import CLASSES
from tasks.config import shipped_config
from tasks.engine.settings import load_settings


def test_the_shipped_weights_were_made_by_the_default_settings() -> None:
    """What the card says: the command without a setting makes them."""
    header = read_judge(WEIGHTS)[1]
    config = JudgeTrainConfig()
    assert header.training["settings"] == config.model_dump(mode="json", exclude={"device"})
    assert (header.training["step"], header.name, header.classes) == (config.steps, config.name, CLASSES)


def test_the_card_says_what_the_header_says() -> None:
    header, card = read_judge(WEIGHTS)[1], (WEIGHTS.parent / "MODEL_CARD.md").read_text("utf-8")
    assert header.tensors_sha256 in card
    for name, share in header.training["accuracy"].items():
        low, high = share["interval"]
        row = f"| {name} | {share['share']:.3f} | {low:.3f} to {high:.3f} | {share['n']} | {share['objects']} |"
        assert row in card, row


def test_the_shipped_config_is_the_defaults() -> None:
    assert load_settings(JudgeTrainConfig, shipped_config("judge.yaml")) == JudgeTrainConfig()


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"steps": 0}, ("steps",)), ({"ema_decay": 1.0}, ("ema_decay",)), ({"lr": 0}, ("lr",)),
        ({"temperature": 0}, ("temperature",)), ({"object_pairs": 0}, ("object_pairs",)),
        ({"corpus_scenes": 3}, ("corpus_scenes",)), ({"precision": "fp16"}, ("precision",)),
        ({"lengths_s": []}, ("lengths_s",)), ({"lengths_s": [0.2]}, ("lengths_s", 0)),
        ({"lengths_s": [9.0]}, ("lengths_s", 0)),
        ({"name": "panns"}, ("name",)), ({"name": ""}, ("name",)),
        ({"learning_rate": 1}, ("learning_rate",)), ({"device": "gpu"}, ("device",)),
    ],
)  # fmt: skip
def test_wrong_settings_are_refused_by_name(values: dict[str, object], where: tuple[object, ...]) -> None:
    with pytest.raises(ValidationError) as refused:
        JudgeTrainConfig.model_validate(values)
    assert refused.value.errors()[0]["loc"] == where
