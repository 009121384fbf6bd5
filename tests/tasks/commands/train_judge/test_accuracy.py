"""Accuracy: a judge that knows everything is always right, one that says nothing never is; intervals count objects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
import torch

from model.judges.corpus_cnn import CorpusCNNJudge
from model.judges.protocols import Outputs
from tasks.commands.train_judge.accuracy import likeness_rows, scene_rows, summary
from tasks.commands.train_judge.sounds import label_of
from tasks.corpus.materials import MATERIALS
from tasks.corpus.scene import STRIKE, Scene
from tasks.corpus.scenes import make_scenes
from tasks.evaluate.intervals import share_interval


@dataclass
class Lists:
    """What `scene_rows` reads of a judge."""

    kinds: tuple[str, ...] = (STRIKE, "rain")
    materials: tuple[str, ...] = (*MATERIALS, "none")


JUDGE = cast(CorpusCNNJudge, Lists())
SCENE = next(
    scene for scene in make_scenes(60, has_video=True, seed=1) if scene.speed == "fast" and scene.distance == "far"
)


def truth(scene: Scene) -> dict[str, torch.Tensor]:
    return {
        "logits": torch.eye(40)[label_of(scene.kind, scene.material)],
        "kind": torch.eye(2)[Lists().kinds.index(scene.kind)],
        "material": torch.eye(9)[Lists().materials.index(scene.material)],
        "count": torch.tensor(float(len(scene.event_times_s))),
        "rate_hz": torch.tensor(scene.rate_hz),
        "pitch_hz": torch.tensor(MATERIALS[scene.material].pitch_hz(scene.size)),
        "distance_m": torch.tensor(scene.distance_m),
    }


def rows(scene: Scene, **changes: Any) -> dict[str, bool]:
    said = {**truth(scene), **{name: torch.as_tensor(value) for name, value in changes.items()}}
    return {name: right for name, right, group in scene_rows(JUDGE, scene, said) if group == scene.group_id}


def test_the_truth_is_right_in_everything() -> None:
    assert rows(SCENE) == dict.fromkeys(rows(SCENE), True) and len(rows(SCENE)) == 7


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"logits": torch.zeros(40)}, {"class"} if label_of(STRIKE, SCENE.material) else set()),
        ({"kind": torch.tensor([0.0, 1.0])}, {"kind"}),
        ({"material": torch.eye(9)[8]}, {"material"}),
        ({"count": 0.0}, {"count within 1 or 10 %"}),
        ({"rate_hz": 0.7}, {"fast or slow"}),
        ({"pitch_hz": 1.08 * float(truth(SCENE)["pitch_hz"])}, {"pitch within a semitone"}),
        ({"pitch_hz": torch.nan, "distance_m": torch.nan}, {"pitch within a semitone", "near or far"}),
        ({"distance_m": 1.0}, {"near or far"}),
    ],
)
def test_what_is_wrong_is_counted_wrong(changes: dict[str, Any], wrong: set[str]) -> None:
    assert {name for name, right in rows(SCENE, **changes).items() if not right} == wrong


def test_an_unknown_distance_of_a_near_scene_is_wrong_too() -> None:
    near = replace(SCENE, distance="near", distance_m=0.7)
    assert rows(near)["near or far"] and not rows(near, distance_m=torch.nan)["near or far"]


def test_only_what_a_scene_has_is_asked() -> None:
    rain = replace(SCENE, kind="rain", material="none", event_times_s=(), speed=None, distance="far")
    said = {**truth(SCENE), "kind": torch.tensor([0.0, 1.0]), "logits": torch.eye(40)[label_of("rain")]}
    assert dict(row[:2] for row in scene_rows(JUDGE, rain, said)) == {"class": True, "kind": True}


def test_likeness_compares_with_another_object_and_one_of_the_same_material() -> None:
    def said(*numbers: float) -> Outputs:
        return {"embedding": torch.tensor(numbers, dtype=torch.float32)}

    wood, glass = replace(SCENE, material="wood"), replace(SCENE, material="glass", group_id="b")
    more = replace(SCENE, material="wood", group_id="c")
    pairs = [
        (wood, said(1, 0), said(1, 0.1)), (glass, said(0, 1), said(0.1, 1)), (more, said(1, 0.01), said(0, 1)),
    ]  # fmt: skip
    found = {(name.endswith("kind"), group): right for name, right, group in likeness_rows(pairs)}
    assert found == {
        (False, wood.group_id): True,
        (True, wood.group_id): False,
        (False, "b"): True,
        (False, "c"): False,
        (True, "c"): False,
    }
    rain = replace(SCENE, kind="rain")
    assert not list(likeness_rows([(rain, said(1, 0), said(1, 0))] * 2))


def test_intervals_have_width_at_one_and_count_objects() -> None:
    (share,) = summary([("a", True, str(number)) for number in range(16)])
    low, high = share_interval([1.0] * 16, list(range(16)))
    assert (share.share, share.n, share.objects) == (1.0, 16, 16)
    assert (share.low, share.high) == (low, high) and low is not None and low < 0.9
    (doubled,) = summary([("a", True, str(number // 2)) for number in range(16)])
    assert doubled.objects == 8 and doubled.low is not None and doubled.low < low
    assert share.to_dict() == {"share": 1.0, "interval": [round(low, 4), 1.0], "n": 16, "objects": 16}
