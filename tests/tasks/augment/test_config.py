"""Settings of augmentation: amounts that no recipe could use are refused when the file is read."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from data_contracts.adverbs import CHANGES
from tasks.augment.config import AugmentConfig
from tasks.augment.recipe import OPERATIONS, recipes_for
from tests.tasks.augment.build import make_context
from tests.tasks.sounds import RATE


@pytest.mark.parametrize(
    "values",
    [
        {"backend": "gpu"},
        {"speed_method": "stretch"},
        {"silence_db": 0.0},
        {"dynamics_db": 3.0},
        {"near_m": 0.1},
        {"dynamics_db": [20.0, 10.0]},
        {"dynamics_db": [10.0]},
        {"dynamics_curves": ()},
        {"dynamics_curves": ["round"]},
        {"far_m": 1.0},
        {"far_m": [3.0, 40.0]},
        {"far_m": True},
        {"t60_s": (0.5, 3.0)},
        {"rooms": -1},
        {"max_s": 0.5},
        {"loudness": 1},
    ],
)
def test_settings_out_of_range_are_refused_by_name(values: dict[str, object]) -> None:
    (name,) = values
    with pytest.raises(ValidationError, match=name):
        AugmentConfig.model_validate(values)


@pytest.mark.parametrize(
    "settings", [{}, {"dynamics_db": 3.5}, {"far_m": 2.5}, {"speed_method": "tempo"}, {"near_m": 0.2, "rooms": 0}]
)
def test_every_operation_has_recipes_under_settings_at_their_limits(settings: dict[str, object]) -> None:
    context = make_context(**settings)
    found = {change.operation for change in CHANGES if next(recipes_for(change, 1, RATE, context))}
    assert found == set(OPERATIONS)


def test_one_number_is_a_range_of_that_number_and_a_range_is_in_order() -> None:
    config = AugmentConfig.model_validate({"far_m": 7, "dynamics_db": [10, 20.0]})
    assert (config.far_m, config.dynamics_db) == ((7.0, 7.0), (10.0, 20.0))
    with pytest.raises(ValidationError, match="the range begins at 9, above its end 5"):
        AugmentConfig.model_validate({"far_m": [9, 5]})
