"""Every recipe, whatever its operation: found by name, stored as JSON, moves events, describes itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Self

import numpy as np
import pytest

from data_contracts import Augmented, Clip, ContractError, Mined, adverbs, read_table, to_json, write_table
from data_contracts.adverbs import CHANGES, DEGREES, Change
from data_contracts.files import hash_file
from tasks.augment.config import AugmentConfig
from tasks.augment.measure import Measured
from tasks.augment.operations.distance import Distance
from tasks.augment.operations.dynamics import Dynamics
from tasks.augment.operations.speed import Speed
from tasks.augment.recipe import (
    OPERATIONS,
    Applied,
    AugmentContext,
    Recipe,
    recipe_class,
    recipe_from_json,
    recipes_for,
)
from tasks.augment.stage import AugmentStage
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.media.audio import read_audio, write_flac
from tasks.media.samples import Samples
from tests.tasks.augment.build import CONTEXT
from tests.tasks.rows import clip_row, mined_row
from tests.tasks.sounds import RATE, strikes

changes = pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.side} to {change.level}")


@changes
def test_every_change_of_the_table_has_recipes_of_its_operation(change: Change) -> None:
    recipes = list(recipes_for(change, 1, RATE, CONTEXT))
    assert recipes and {type(recipe) for recipe in recipes} == {recipe_class(change.operation)}
    assert recipes == list(recipes_for(change, 1, RATE, CONTEXT))


@changes
def test_a_recipe_survives_the_json_of_its_row(change: Change) -> None:
    recipe = next(recipes_for(change, 1, RATE, CONTEXT))
    measured = {"t60_s": 0.5, "direct_to_reverberant_after_db": -9.0}
    stored = to_json({**recipe.record(measured), "silence_db": -60.0, "trim_start_s": 0.1, "max_s": 8.0})
    assert recipe_from_json(change.operation, stored) == recipe


@changes
def test_a_recipe_moves_events_in_order_and_describes_itself(change: Change) -> None:
    recipe = next(recipes_for(change, 1, RATE, CONTEXT))
    moved = recipe.move_events([0.0, 1.0, 2.0])
    assert moved[0] == 0 and moved == sorted(moved) and len(moved) == 3
    assert recipe.describe().endswith(".") and "{" not in recipe.describe()
    assert recipe.degree() in DEGREES and (change.operation in ("distance", "dynamics") or recipe.degree() == "plain")


@changes
def test_a_recipe_leaves_the_source_alone_and_repeats_itself(change: Change) -> None:
    source = strikes(3.0, [0.0, 0.9, 1.5, 2.6])
    kept = source.copy()
    recipe = next(recipes_for(change, 1, RATE, CONTEXT))
    first, second = (recipe.apply(source, RATE, CONTEXT) for _ in range(2))
    np.testing.assert_array_equal(source, kept)
    np.testing.assert_array_equal(first.samples_T, second.samples_T)
    assert first.samples_T.dtype == np.float32 and len(first.samples_T) <= first.full_length


def test_rows_written_by_the_first_version_are_still_read() -> None:
    limits = '"max_s":8.0,"silence_db":-60.0,"trim_start_s":0.5'
    speed = recipe_from_json("speed", f'{{"factor":1.3,"keeps_pitch":false,{limits}}}')
    assert speed == Speed(factor=1.3)
    dynamics = recipe_from_json("dynamics", f'{{"direction":"crescendo","span_db":20.0,{limits}}}')
    assert dynamics == Dynamics(direction="crescendo", span_db=20.0, curve="straight")
    room = (
        '"absorption_db_per_octave":2.1,"far_m":7.0,"far_source_m":[8.0,4.0,1.5],"microphone_m":[1.0,4.0,1.5],'
        '"near_m":0.5,"near_source_m":[1.5,4.0,1.5],"room":12,"room_m":[10.0,8.0,4.0],"room_ratio_db":-12.3,'
        '"room_t60_s":0.61,"sabine_t60_s":0.45'
    )
    distance = recipe_from_json("distance", f"{{{room},{limits}}}")
    assert isinstance(distance, Distance) and (distance.room.number, distance.room.far_m) == (12, 7.0)
    measured = {"t60_s": 0.61, "direct_to_reverberant_after_db": -12.3}
    assert to_json(distance.record(measured)) == f"{{{room}}}"


@pytest.mark.parametrize(
    ("operation", "stored", "message"),
    [
        ("reverse", "{}", "unknown operation 'reverse'.*adverbs.py has speed"),
        ("speed", "{}", "does not fit Speed.*factor"),
        ("speed", '{"factor":"fast"}', "does not fit Speed"),
        ("speed", '{"factor":9.0}', "outside 0.25..4.0"),
        ("dynamics", '{"direction":"up","span_db":20}', "crescendo nor decrescendo"),
        ("distance", "{}", "describes no room"),
    ],
)
def test_json_that_is_no_recipe_is_refused(operation: str, stored: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        recipe_from_json(operation, stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse(Recipe):
    """An operation that the project does not have: the audio is played backwards."""

    @classmethod
    def candidates(cls, variant: str, seed: int, rate_hz: int, context: AugmentContext) -> Iterator[Self]:
        yield cls()

    def change(self, samples_T: Samples, rate_hz: int, context: AugmentContext) -> Samples:
        return np.ascontiguousarray(samples_T[::-1])

    def measure(self, applied: Applied, after_T: Samples, rate_hz: int, context: AugmentContext) -> Measured:
        error = float(np.max(np.abs(applied.source_T[::-1] - after_T)))
        return {"largest_error": round(error, 6)}

    def describe(self) -> str:
        return "Played backwards."


def test_an_operation_is_added_by_one_module_and_one_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    table = (*CHANGES, Change(side="quiet", level="far", operation="reverse"))
    monkeypatch.setattr(adverbs, "CHANGES", table)
    monkeypatch.setattr("tasks.augment.recipe.OPERATIONS", (*OPERATIONS, "reverse"))
    module = ModuleType("tasks.augment.operations.reverse")
    module.Reverse = Reverse  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    workspace = Workspace(tmp_path)
    path = workspace.stage("ingest") / "audio" / "a.flac"
    write_flac(path, strikes(2.0, [0.0, 0.5]), RATE)
    clip = clip_row("a", audio_sha256=hash_file(path), duration_s=2.0)
    write_table(workspace.table("ingest", "clips"), Clip, [clip])
    write_table(workspace.table("mine", "mined"), Mined, [mined_row(clip, "volume", "quiet")])
    run_stage(AugmentStage(AugmentConfig(), "1"), workspace)
    (row,) = read_table(workspace.table("augment", "augmented"), Augmented)
    assert (row.operation, json.loads(row.measured_json)["largest_error"]) == ("reverse", pytest.approx(0, abs=2e-5))
    assert recipe_from_json(row.operation, row.recipe_json) == Reverse() and asdict(Reverse()) == {}
    samples = read_audio(tmp_path / row.audio_path)[0]
    assert np.max(np.abs(samples[-100:])) > 10 * np.max(np.abs(samples[:100]))  # the attack is now at the end
