"""Settings of the precompute stage (SPEC T3): embedded components by default; what is no result is no setting of it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from model.codec import EMBEDDED
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.stage import PrecomputeStage


def test_the_defaults_need_no_download() -> None:
    config = PrecomputeConfig()
    assert config.codec in EMBEDDED
    assert (config.text_encoder, config.image_encoder, config.sync_encoder) == (
        "minilm",
        "efficientnet_lite0",
        "motion",
    )


def test_the_device_is_no_part_of_the_result_and_everything_else_is() -> None:
    kept = PrecomputeStage(PrecomputeConfig()).settings()
    assert PrecomputeConfig.model_fields.keys() - kept.keys() == PrecomputeConfig.NOT_IN_RESULTS
    assert {"device", "accept_quarantined"} == PrecomputeConfig.NOT_IN_RESULTS


@pytest.mark.parametrize("values", [{"clip_s": 0.5}, {"clip_s": 31}, {"dtype": "fp32"}, {"encoder": "clip"}])
def test_wrong_settings_are_refused_by_name(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        PrecomputeConfig.model_validate(values)
    assert [error["loc"] for error in refused.value.errors()] == [tuple(values)]
