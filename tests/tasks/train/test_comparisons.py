"""Settings of the ablation table and the claims (SPEC M12, G8): known variants, tasks that have a video, seeds."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from data_contracts.generation import TASKS
from model.variants import VARIANTS
from tasks.train.comparisons import AblationsConfig, ClaimsConfig


def test_m12_the_default_table_has_the_papers_configurations_and_tasks() -> None:
    config = AblationsConfig()
    assert set(config.variants) == {"m-1", "m-2", "m-3", "full", "no-sum"}
    assert set(config.tasks) == {"vta", "ac-vta", "fe"}


def test_every_named_variant_can_be_compared() -> None:
    assert AblationsConfig(variants=tuple(VARIANTS)).variants == tuple(VARIANTS)


def test_an_unknown_variant_names_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="'m-9' is unknown; choose one of full, m-1"):
        AblationsConfig(variants=("full", "m-9"))


@pytest.mark.parametrize("task", [name for name, one in TASKS.items() if "sync" not in one.needs])
def test_tasks_without_a_video_are_refused(task: str) -> None:
    with pytest.raises(ValidationError, match=f"'{task}' is not scored against a video; choose from"):
        AblationsConfig(tasks=(task,))


def test_the_claims_need_known_variants_and_seeds_that_differ() -> None:
    assert len(ClaimsConfig().seeds) >= 3 and ClaimsConfig().variants[0] == "full"
    with pytest.raises(ValidationError, match="'m-9' is unknown; choose one of full, m-1"):
        ClaimsConfig(variants=("full", "m-9"))
    with pytest.raises(ValidationError, match=r"named twice in \(1, 2, 1\)"):
        ClaimsConfig(seeds=(1, 2, 1))
    with pytest.raises(ValidationError, match="at least 1 item"):
        ClaimsConfig(seeds=())
    for alone in ((), ("full",)):
        with pytest.raises(ValidationError, match="at least 2 items"):
            ClaimsConfig(variants=alone)
    for config in (ClaimsConfig, AblationsConfig):
        with pytest.raises(ValidationError, match="a variant is named twice in full, full"):
            config(variants=("full", "full"))
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        ClaimsConfig(seeds=(1, -1))
