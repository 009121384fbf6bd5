"""Which held-out clips each task gets (SPEC D5, G1-G5), and the prompts of the adverb pairs."""

import dataclasses
import json

import pytest

from tasks.evaluate.adverbs import DIRECTIONS
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.generate_stage import GenerateStage
from tasks.evaluate.plan import Case, plan_cases, sides_of
from tasks.evaluate.prompts import adverb_pair, plain_caption
from tasks.evaluate.sampling import SamplingSettings
from tests.tasks.evaluate.rows import manifest_row

CONFIG = EvaluateConfig(clips=5, adverb_pairs=4)
MATERIALS = ("wood", "metal", "stone")


@pytest.fixture(scope="module")
def rows():
    films = [
        manifest_row(f"film-{n}", material=MATERIALS[n % 3], caption=f"A stick hits a {MATERIALS[n % 3]} box quickly")
        for n in range(9)
    ]
    sounds = [manifest_row(f"sound-{n}", video_path=None, subset="tta") for n in range(3)]
    return [*films, *sounds, *(dataclasses.replace(row, item_id=f"x-{row.item_id}", split="train") for row in films)]


@pytest.fixture(scope="module")
def cases(rows):
    return plan_cases(rows, CONFIG, 8.0)


def of(cases, task):
    return [case for case in cases if case.task == task]


def test_the_plan_is_the_same_for_any_order_of_the_manifest(rows, cases):
    assert plan_cases(rows[::-1], CONFIG, 8.0) == cases
    assert plan_cases(rows, EvaluateConfig(clips=5, adverb_pairs=4, seed=8), 8.0) != cases
    assert len({case.item_id for case in cases}) == len(cases)


def test_only_test_clips_are_used(cases):
    assert not any(case.parent_id.startswith("x-") for case in cases)
    for task in ("vta", "tc-vta", "ac-vta", "fe"):
        assert len(of(cases, task)) == CONFIG.clips
        assert all(case.parent_id.startswith("film-") for case in of(cases, task))


def test_g3_g4_another_material_lends_the_sentence_and_the_reference(rows, cases):
    material = {row.item_id: json.loads(row.attributes_json)["material"] for row in rows}
    for case in [*of(cases, "tc-vta"), *of(cases, "ac-vta")]:
        assert material[case.reference_id] != material[case.parent_id]
    for case in of(cases, "tc-vta"):
        assert "quickly" not in case.prompt
        assert material[case.reference_id] in case.prompt


def test_g4_reference_and_target_fill_a_clip_and_the_reference_holds_an_event(cases):
    for case in of(cases, "ac-vta"):
        assert (case.reference_s, case.duration_s, case.scored_from_s) == (2.0, 6.0, 0.0)
        assert case.reference_from_s <= 1.0 < case.reference_from_s + case.reference_s  # the first event is at 1 s


def test_g5_three_of_eight_seconds_are_given_and_the_rest_is_scored(cases):
    for case in of(cases, "fe"):
        assert (case.reference_id, case.reference_s, case.scored_from_s, case.duration_s) == (
            case.parent_id,
            3.0,
            3.0,
            8.0,
        )


def test_g1_each_direction_has_its_pairs_with_one_seed_and_opposite_words(cases):
    for direction, sides in DIRECTIONS.items():
        mine = [case for case in of(cases, "tta") if case.direction == direction]
        assert len(mine) == 2 * CONFIG.adverb_pairs
        for first, second in zip(mine[::2], mine[1::2], strict=True):
            assert (first.side, second.side) == sides
            assert (first.pair, first.seed, first.parent_id) == (second.pair, second.seed, second.parent_id)
            assert first.prompt != second.prompt
    assert len({case.seed for case in of(cases, "tta")}) == 4 * CONFIG.adverb_pairs


def test_the_shuffled_rival_is_neither_the_film_nor_its_reference(cases):
    assert all(
        case.shuffled_id not in (None, case.parent_id, case.reference_id) for case in cases if case.task != "tta"
    )


def test_without_another_material_or_any_film_tasks_are_left_out():
    alone = [manifest_row("only")]
    assert {case.task for case in plan_cases(alone, CONFIG, 8.0)} == {"vta", "fe", "tta"}
    silent = [manifest_row("rain", video_path=None, event_times_s=None, subset="tta")]
    directions = {case.direction for case in plan_cases(silent, CONFIG, 8.0)}
    assert directions == {"volume", "distance", "dynamics"}  # what has no events has no speed
    assert plan_cases([], CONFIG, 8.0) == []


def test_a_job_survives_json(cases):
    for case in cases:
        assert Case.from_dict(json.loads(json.dumps(case.to_dict()))) == case


def test_sides_come_from_the_scene_or_the_augmentation():
    assert sides_of(manifest_row("a", attributes_json='{"speed": "fast", "volume": null}')) == {"fast"}
    assert sides_of(manifest_row("a", level="very_slow")) == {"slow"}
    assert sides_of(manifest_row("a", level="medium")) == set()


@pytest.mark.parametrize(
    ("caption", "plain"),
    [
        ("A stick knocks on a ceramic plate rapidly", "A stick knocks on a ceramic plate"),
        ("A stick beats on a plastic tub at a slow pace and very loudly", "A stick beats on a plastic tub"),
        ("A person taps a hand drum very slowly close by", "A person taps a hand drum"),
        ("A stone brick is tapped off in the distance", "A stone brick is tapped"),
        ("Slow nearby strikes on a metal pipe", "Strikes on a metal pipe"),
        ("A plastic tub is hit very slowly from far away", "A plastic tub is hit"),
        ("A clock is ticking faintly", "A clock is ticking"),
        ("Rain falls.", "Rain falls"),
        ("loudly", ""),
    ],
)
def test_a_plain_caption_names_no_side(caption, plain):
    assert plain_caption(caption) == plain


def test_pairs_are_sentences_that_differ_in_the_adverb_only():
    assert adverb_pair("A drum is hit slowly", "volume", 0) == ("A drum is hit loudly", "A drum is hit quietly")
    rising, falling = adverb_pair("A drum is hit", "dynamics", 1)
    assert rising == "A drum is hit, getting louder and louder"
    assert falling == "A drum is hit, getting quieter and quieter"


def test_a_changed_reading_makes_the_sounds_anew_and_a_default_one_does_not():
    plain, changed = (
        GenerateStage(EvaluateConfig(sampling=SamplingSettings(**set_))).settings()
        for set_ in ({}, {"sum_reference": "path"})
    )
    assert "sampling" not in plain
    assert changed == {**plain, "sampling": {"sum_reference": "path"}}
