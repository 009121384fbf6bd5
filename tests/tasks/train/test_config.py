"""Settings of training: one owner per field, the demo's values by default, the paper's in its config."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from data_contracts import UsageError
from model.config import MaskConfig, NetworkConfig, TrainingConfig, preset
from tasks.config import PipelineConfig
from tasks.train.config import DEMO, DEMO_MASKS, MaskSettings, NetworkOptions, TrainConfig

CONFIGS = Path(__file__).resolve().parents[3] / "tasks" / "configs"
OWNERS = {MaskSettings: MaskConfig, NetworkOptions: NetworkConfig, TrainConfig: TrainingConfig}


def offered(record: type) -> dict[str, dataclasses.Field]:
    """Returns the model's fields that are settings."""
    return {field.name: field for field in dataclasses.fields(record) if field.metadata}


@pytest.mark.parametrize("settings", OWNERS, ids=lambda one: one.__name__)
def test_a_setting_has_the_models_meaning_type_and_limits(settings):
    shown = settings.model_json_schema()["properties"]
    limits = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
    for name, field in offered(OWNERS[settings]).items():
        assert shown[name]["description"] == field.metadata["description"]
        for limit, keyword in limits.items():
            if limit in field.metadata:
                numbers = [shown[name], *shown[name].get("anyOf", [])]
                assert field.metadata[limit] in [number.get(keyword) for number in numbers]


def test_only_the_demos_changes_differ_from_the_models_defaults():
    for settings, changes in ((TrainConfig(), DEMO), (MaskSettings(), DEMO_MASKS), (NetworkOptions(), {})):
        for name, field in offered(OWNERS[type(settings)]).items():
            assert getattr(settings, name) == changes.get(name, field.default)
        assert changes.keys() <= offered(OWNERS[type(settings)]).keys()
        assert all(changes[name] != field.default for name, field in offered(OWNERS[type(settings)]).items()
                   if name in changes)  # fmt: skip


def test_an_empty_config_and_the_demo_train_the_same_network():
    demo = PipelineConfig.load(CONFIGS / "demo.yaml", [])
    assert demo.train == TrainConfig(continue_from="none")
    assert PipelineConfig().train == TrainConfig()


def test_the_paper_config_trains_with_the_models_defaults():
    """But for the run with augmented audio (longer, its milestones at the same steps), its intervals and precision."""
    config = PipelineConfig.load(CONFIGS / "paper.yaml", []).train
    found, paper = config.training(), TrainingConfig()
    own = {"steps", "milestones", "precision", "log_every", "checkpoint_every"}
    assert found.masks == paper.masks
    for field in dataclasses.fields(TrainingConfig):
        if field.name not in own | {"hold_share"}:  # which only the cosine has
            assert getattr(found, field.name) == getattr(paper, field.name), field.name
    steps = [[round(share * one.steps) for share in one.milestones] for one in (found, paper)]
    assert steps == [[240_000, 270_000]] * 2
    assert config.network() == preset("large_44k")


def test_options_reach_the_network_and_a_variant_wins_over_them():
    options = NetworkOptions(mask_kind="hard", mask_sync="both", pool="visible", absent="zero")
    network = TrainConfig(options=options).network()
    assert (network.mask_kind, network.mask_sync, network.pool, network.absent) == ("hard", "both", "visible", "zero")
    assert TrainConfig(options=options, variant="mmaudio-s1").network().absent == "learned"
    assert TrainConfig().network() == preset("tiny")


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"steps": 0}, "steps"), ({"seed": -1}, "seed"), ({"batch_size": 3}, "batch_size"),
        ({"micro_batch": 5}, "micro_batch"),
        ({"ema_sigma_rel": 0.3}, "ema_sigma_rel"), ({"masks": {"drop_text": 1.5}}, "masks.drop_text"),
        ({"masks": {"span_share": 0.7}}, "masks.span_share"), ({"options": {"pool": "some"}}, "options.pool"),
        ({"betas": (0.9, 0.99)}, "betas"),
    ],
)  # fmt: skip
def test_what_is_out_of_range_or_unknown_is_refused_by_name(values, where):
    with pytest.raises(ValidationError) as caught:
        TrainConfig.model_validate(values)
    assert where in {".".join(map(str, error["loc"])) for error in caught.value.errors()}


def test_settings_that_contradict_each_other_are_refused_in_words():
    crossed = TrainConfig(masks=MaskSettings(span_low=0.9, span_high=0.5))
    with pytest.raises(UsageError, match=r"span_low 0\.9 and span_high 0\.5"):
        crossed.training()
    with pytest.raises(UsageError, match="two widths"):
        TrainConfig(ema_sigmas=(0.1,)).training()


def test_a_config_survives_another_process_and_a_file():
    config = TrainConfig(steps=9, masks=MaskSettings(drop_text=0.2), options=NetworkOptions(pool="visible"))
    assert pickle.loads(pickle.dumps(config)) == config
    assert TrainConfig.model_validate(config.model_dump(mode="json")) == config


def test_a_start_is_stored_as_an_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert TrainConfig(init_from="start.pth").init_from == str(tmp_path / "start.pth")
    assert TrainConfig(init_from="").init_from is None
    assert TrainConfig(init_from="builtin").init_from == "builtin"  # a name, not a file of the current folder
