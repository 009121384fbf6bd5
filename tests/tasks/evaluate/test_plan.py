"""The evaluation plan (SPEC D5, G1-G5): which held-out clips each task gets, with which conditions."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import pytest

from data_contracts import ManifestRow
from data_contracts.generation import CASE_GROUPS, TASKS, VIDEO_ONLY
from tasks.evaluate.adverbs import DIRECTIONS
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.plan import Case, first_cases, material_of, material_rows, plan_cases, sides_of
from tests.tasks.rows import manifest_row

CONFIG = EvaluateConfig(clips=5, adverb_pairs=4)
MATERIALS = ("wood", "metal", "stone")


@pytest.fixture(scope="module")
def rows() -> list[ManifestRow]:
    clips = [
        manifest_row(f"clip-{n}", material=MATERIALS[n % 3], caption=f"A stick hits a {MATERIALS[n % 3]} box quickly")
        for n in range(9)
    ]
    audio_only = [manifest_row(f"audio-{n}", video_path=None, subset="tta") for n in range(3)]
    train = [dataclasses.replace(row, item_id=f"x-{row.item_id}", split="train") for row in clips]
    return [*clips, *audio_only, *train]


@pytest.fixture(scope="module")
def cases(rows: list[ManifestRow]) -> list[Case]:
    return plan_cases(rows, CONFIG, 8.0)


def of(cases: Sequence[Case], task: str) -> list[Case]:
    return [case for case in cases if case.group == task]


def test_the_plan_is_the_same_for_any_order_of_the_manifest(rows: list[ManifestRow], cases: list[Case]) -> None:
    assert plan_cases(rows[::-1], CONFIG, 8.0) == cases
    assert plan_cases(rows, EvaluateConfig(clips=5, adverb_pairs=4, seed=8), 8.0) != cases
    assert len({case.item_id for case in cases}) == len(cases)


def test_only_test_clips_are_used(cases: list[Case]) -> None:
    assert not any(case.parent_id.startswith("x-") for case in cases)
    for task in ("vta", VIDEO_ONLY, "tc-vta", "ac-vta", "fe"):
        assert len(of(cases, task)) == CONFIG.clips
        assert all(case.parent_id.startswith("clip-") for case in of(cases, task))


def test_g4_targets_have_no_lag_that_only_their_own_audio_tells(rows: list[ManifestRow], cases: list[Case]) -> None:
    late = of(cases, "ac-vta")[0].parent_id
    lagged = [
        dataclasses.replace(row, attributes_json=json.dumps({**json.loads(row.attributes_json), "lag_ms": 180}))
        if row.item_id == late
        else row
        for row in rows
    ]
    found = plan_cases(lagged, CONFIG, 8.0)
    assert late not in {case.parent_id for case in of(found, "ac-vta")}
    assert len(of(found, "ac-vta")) == CONFIG.clips, "the next clip takes its place"
    assert [case for case in found if case.group != "ac-vta"] == [case for case in cases if case.group != "ac-vta"]


def test_g2_without_text_the_video_is_all_that_differs_from_the_case_with_text(cases: list[Case]) -> None:
    for plain, with_text in zip(of(cases, VIDEO_ONLY), of(cases, "vta"), strict=True):
        assert (plain.task, plain.prompt) == ("vta", "") and with_text.prompt
        same = dataclasses.replace(plain, item_id=with_text.item_id, group="vta", prompt=with_text.prompt)
        assert same == with_text


def test_every_case_group_is_planned_and_named(cases: list[Case]) -> None:
    assert list(dict.fromkeys(case.group for case in cases)) == list(CASE_GROUPS)
    for name, group in CASE_GROUPS.items():
        assert group.title and group.help and group.task in TASKS and (name == group.task or name == VIDEO_ONLY)


def test_g3_g4_prompt_and_reference_are_of_another_material(rows: list[ManifestRow], cases: list[Case]) -> None:
    material = {row.item_id: json.loads(row.attributes_json)["material"] for row in rows}
    for case in [*of(cases, "tc-vta"), *of(cases, "ac-vta")]:
        assert material[case.reference_id] != material[case.parent_id]
    for case in of(cases, "tc-vta"):
        assert "quickly" not in case.prompt
        assert material[case.reference_id] in case.prompt


def test_g4_reference_and_target_fill_a_clip_and_the_reference_contains_an_event(cases: list[Case]) -> None:
    for case in of(cases, "ac-vta"):
        assert (case.reference_s, case.duration_s, case.scored_from_s) == (2.0, 6.0, 0.0)
        assert case.reference_from_s <= 1.0 < case.reference_from_s + case.reference_s  # the first event is at 1 s


def test_g5_three_of_eight_seconds_are_given_and_the_rest_is_scored(cases: list[Case]) -> None:
    for case in of(cases, "fe"):
        assert case.reference_id == case.parent_id
        assert (case.reference_s, case.scored_from_s, case.duration_s) == (3.0, 3.0, 8.0)


def test_g1_each_direction_has_its_pairs_with_one_seed_and_opposite_words(cases: list[Case]) -> None:
    for direction, sides in DIRECTIONS.items():
        found = [case for case in of(cases, "tta") if case.direction == direction]
        assert len(found) == 2 * CONFIG.adverb_pairs
        for first, second in zip(found[::2], found[1::2], strict=True):
            assert (first.side, second.side) == sides
            assert (first.pair, first.seed, first.parent_id) == (second.pair, second.seed, second.parent_id)
            assert first.prompt != second.prompt
    assert len({case.seed for case in of(cases, "tta")}) == 4 * CONFIG.adverb_pairs


def test_the_shuffled_clip_is_neither_the_clip_nor_its_reference(cases: list[Case]) -> None:
    with_video = [case for case in cases if case.task != "tta"]
    assert all(case.shuffled_id not in (None, case.parent_id, case.reference_id) for case in with_video)


def test_without_another_material_or_any_video_tasks_are_left_out() -> None:
    alone = [manifest_row("only")]
    assert {case.task for case in plan_cases(alone, CONFIG, 8.0)} == {"vta", "fe", "tta"}
    silent = [manifest_row("rain", video_path=None, event_times_s=None, subset="tta")]
    directions = {case.direction for case in plan_cases(silent, CONFIG, 8.0)}
    assert directions == {"volume", "distance", "dynamics"}  # what has no events has no speed
    assert plan_cases([], CONFIG, 8.0) == []


def test_a_case_survives_json(cases: list[Case]) -> None:
    for case in cases:
        assert Case.from_dict(json.loads(json.dumps(case.to_dict()))) == case


def test_sides_come_from_the_scene_or_the_augmentation() -> None:
    assert sides_of(manifest_row("a", attributes_json='{"speed": "fast", "volume": null}')) == {"fast"}
    assert sides_of(manifest_row("a", level="very_slow")) == {"slow"}
    assert sides_of(manifest_row("a", level="medium")) == set()
    assert sides_of(manifest_row("a", attributes_json="{}")) == set()


@pytest.mark.parametrize("clip_s", [4.0, 8.0, 10.0])
def test_times_of_a_case_lie_within_the_clip_and_the_reference(rows: list[ManifestRow], clip_s: float) -> None:
    by_id = {row.item_id: row for row in rows}
    for case in plan_cases(rows, CONFIG, clip_s):
        assert 0 <= case.scored_from_s < case.duration_s <= clip_s
        if case.task == "ac-vta":
            assert case.duration_s + case.reference_s == clip_s
            end_s = case.reference_from_s + case.reference_s
            assert case.reference_from_s >= 0 and end_s <= max(by_id[str(case.reference_id)].duration_s, clip_s)


def test_more_clips_only_add_cases(rows: list[ManifestRow], cases: list[Case]) -> None:
    more = plan_cases(rows, CONFIG.model_copy(update={"clips": 7}), 8.0)
    assert [case for case in more if case in cases] == cases


def test_materials_are_fitted_on_unchanged_training_rows_that_have_one() -> None:
    wood = '{"material":"wood"}'
    train = [manifest_row(f"t-{n}", split="train", attributes_json=wood) for n in range(500)]
    unknown = [manifest_row(f"u-{n}", split="train", attributes_json="{}") for n in range(5)]
    changed = [manifest_row(f"a-{n}", split="train", subset="aa", attributes_json=wood) for n in range(5)]
    test = [manifest_row(f"e-{n}", attributes_json=wood) for n in range(5)]
    fitted = material_rows([*train, *unknown, *changed, *test])
    assert len(fitted) == 384 and {row.item_id[0] for row in fitted} == {"t"}
    assert fitted == material_rows([*test, *changed, *train[::-1]])
    assert material_rows([*unknown, *changed, *test]) == []


@pytest.mark.parametrize(
    ("known", "material"),
    [('{"material": "wood"}', "wood"), ('{"material": "none"}', None), ("{}", None), ('{"material": ["wood"]}', None)],
)
def test_a_material_is_a_name(known: str, material: str | None) -> None:
    assert material_of(manifest_row("a", attributes_json=known)) == material


def test_unknown_materials_fall_back_to_another_recording_and_caption() -> None:
    same = manifest_row("b", attributes_json="{}", group_id="group-a", caption="Another caption")
    fit = manifest_row("c", attributes_json="{}", caption="Rain falls")
    twin = manifest_row("d", attributes_json="{}", caption="A dog barks")
    target = manifest_row("a", attributes_json="{}", caption="A dog barks")
    planned = plan_cases([target, same, fit, twin], CONFIG, 8.0)
    (control,) = [case for case in planned if case.task == "ac-vta" and case.parent_id == "a"]
    assert control.reference_id == "c"


def test_the_first_cases_are_whole_pairs_of_each_direction_and_the_first_clips_of_each_group(cases: list[Case]) -> None:
    kept = first_cases(cases, 1)
    assert [case for case in cases if case in kept] == kept  # in their order
    for group in dict.fromkeys(case.group for case in cases if case.direction is None):
        assert of(kept, group) == of(cases, group)[:1]
    for direction in DIRECTIONS:
        found = [case for case in kept if case.direction == direction]
        assert len(found) == 2 and len({case.pair for case in found}) == 1 and len({case.side for case in found}) == 2
    assert first_cases(cases, len(cases)) == cases
