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
        {"far_m": 1.0},
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
