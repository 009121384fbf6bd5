"""The listening section: cards per task, pairs of opposite adverbs, the model's scores and no other's."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from data_contracts import Generated
from tasks.engine.workspace import Workspace
from tasks.report.collect import Collected
from tasks.report.media import MediaEmbedder
from tasks.report.samples import CARDS, Card, build_samples, pick
from tests.tasks.rows import clip_score_row, generated_row, manifest_row


@pytest.fixture
def media(tmp_path: Path) -> MediaEmbedder:
    return MediaEmbedder(Workspace(tmp_path), budget=10**6)


def cards(found: Collected, media: MediaEmbedder) -> list[Card]:
    return [card for task in build_samples(found, media).tasks for card in task.cards]


def test_tasks_come_in_their_order_with_the_text_of_the_vocabulary(found: Collected, workspace: Workspace) -> None:
    section = build_samples(found, MediaEmbedder(workspace, budget=10**8))
    assert [task.name for task in section.tasks] == ["vta", "tc-vta", "ac-vta", "fe", "tta"]
    assert all(task.title and task.about and task.rows == 4 for task in section.tasks)
    for task in section.tasks:
        assert [card.has_video for card in task.cards] == [task.name != "tta"] * len(task.cards)
        for card in task.cards:
            assert all(track.problem is None for track in card.tracks)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 17])
def test_chosen_groups_are_few_different_and_in_order(count: int) -> None:
    groups = [(generated_row(f"g{n}"),) for n in range(count)]
    chosen = pick(groups)
    places = [groups.index(group) for group in chosen]
    assert len(chosen) == min(CARDS, count) and places == sorted(set(places))
    assert pick([]) == []


def test_a_pair_of_opposite_adverbs_is_one_card(media: MediaEmbedder) -> None:
    rows = [
        generated_row(f"tta-{n}", task="tta", parent_id="p", seed=n // 2, prompt=f"A dog barks {word}")
        for n, word in enumerate(["fast", "slowly", "loudly", "quietly"])
    ]
    made = cards(Collected(generated=rows), media)
    assert len(made) == 2
    assert [track.title for track in made[0].tracks] == ["A dog barks fast", "A dog barks slowly"]
    assert [(piece.kind, piece.text) for piece in made[0].prompt] == [
        ("same", "A dog barks"), ("removed", " fast"), ("added", " slowly"),
    ]  # fmt: skip


def test_audio_of_further_seeds_has_no_cards(media: MediaEmbedder) -> None:
    rows = [generated_row("a"), generated_row("a-seed-2", repeats="a", seed_number=1)]
    assert len(cards(Collected(generated=rows, manifest=[manifest_row("clip")]), media)) == 1


def test_only_the_models_scores_are_shown_and_both_of_a_pair(media: MediaEmbedder) -> None:
    rows = [generated_row(f"tta-{n}", task="tta", parent_id="p", seed=1) for n in range(2)]
    scores = [
        clip_score_row("tta-0", 4.0, metric="onset_rate_hz"),
        clip_score_row("tta-1", 1.0, metric="onset_rate_hz"),
        clip_score_row("tta-0", 9.0, metric="onset_rate_hz", system="white noise"),
    ]
    (card,) = cards(Collected(generated=rows, clip_scores=scores), media)
    assert card.scores == [("", [("onset rate (Hz)", "4 → 1")])]


def test_of_two_checkpoints_a_card_shows_both_beside_one_truth(media: MediaEmbedder) -> None:
    rows = [
        generated_row(name, case_id="a", checkpoint=checkpoint, parent_id="clip")
        for name, checkpoint in (("builtin-a", "builtin"), ("a", "trained"))
    ]
    scores = [clip_score_row("a", value, checkpoint=name) for name, value in (("trained", 0.5), ("builtin", 1.0))]
    (card,) = cards(Collected(generated=rows, clip_scores=scores, manifest=[manifest_row("clip")]), media)
    assert [track.title for track in card.tracks] == [
        "Ground truth", "Generated (trained in this run)", "Generated (shipped weights)",
    ]  # fmt: skip
    name = "events on time, within 100 ms"
    assert card.scores == [("trained in this run", [(name, "0.5")]), ("shipped weights", [(name, "1")])]


def test_a_card_of_other_weights_alone_names_them(media: MediaEmbedder) -> None:
    rows = [generated_row("builtin-a", case_id="a", checkpoint="builtin", parent_id="clip")]
    (card,) = cards(Collected(generated=rows, manifest=[manifest_row("clip")]), media)
    assert [track.title for track in card.tracks] == ["Ground truth", "Generated (shipped weights)"]


def test_of_two_checkpoints_a_pair_card_has_both_pairs(media: MediaEmbedder) -> None:
    rows = [
        generated_row(
            f"{checkpoint}-{n}", case_id=f"tta-{n}", checkpoint=checkpoint, task="tta", parent_id="p", seed=1,
            prompt=("A dog barks fast", "A dog barks slowly")[n],
        )
        for checkpoint in ("trained", "builtin") for n in range(2)
    ]  # fmt: skip
    scores = [
        clip_score_row(f"tta-{n}", value, metric="onset_rate_hz", checkpoint=checkpoint)
        for checkpoint, values in (("trained", (2.0, 1.0)), ("builtin", (4.0, 0.5)))
        for n, value in enumerate(values)
    ]
    (card,) = cards(Collected(generated=rows, clip_scores=scores), media)
    assert [track.title for track in card.tracks] == [
        f"A dog barks {word} ({name})"
        for name in ("trained in this run", "shipped weights") for word in ("fast", "slowly")
    ]  # fmt: skip
    name = "onset rate (Hz)"
    assert card.scores == [("trained in this run", [(name, "2 → 1")]), ("shipped weights", [(name, "4 → 0.5")])]
    assert {piece.kind for piece in card.prompt} == {"same", "removed", "added"}


def titles(row: Generated, media: MediaEmbedder) -> list[str]:
    manifest = [manifest_row("clip"), manifest_row("other")]
    (card,) = cards(Collected(generated=[row], manifest=manifest), media)
    return [track.title for track in card.tracks]


def test_each_task_is_shown_beside_what_it_was_made_from(media: MediaEmbedder) -> None:
    assert titles(generated_row("a"), media) == ["Ground truth", "Generated"]
    assert titles(generated_row("a", task="tc-vta"), media) == ["Original audio", "Generated"]
    control = generated_row("a", task="ac-vta", reference_id="other")
    assert titles(control, media) == ["Reference audio", "Ground truth", "Generated"]
    extension = generated_row("a", task="fe", reference_id="clip", scored_from_s=3.0)
    assert titles(extension, media) == ["Ground truth", "Generated"]
    assert titles(generated_row("a", parent_id="gone"), media) == ["Generated"]


def test_facts_say_which_part_was_scored_only_where_it_is_not_all(media: MediaEmbedder) -> None:
    whole, part = generated_row("a"), generated_row("b", task="fe", scored_from_s=3.0)
    facts = [card.facts for card in cards(Collected(generated=[whole, part]), media)]
    assert facts == [[], ["scored 3 to 8 s"]]


def test_steps_and_guidance_are_said_once_and_seeds_are_left_to_the_table(media: MediaEmbedder) -> None:
    rows = [generated_row(name, seed=2**62) for name in "abc"]
    section = build_samples(Collected(generated=rows), media)
    assert section.made_with == "25 steps, guidance 4.5"
    assert not any(str(2**62) in fact for task in section.tasks for card in task.cards for fact in card.facts)
    mixed = build_samples(Collected(generated=[*rows, generated_row("d", steps=10)]), media)
    assert mixed.made_with == "25 steps, guidance 4.5 or 10 steps, guidance 4.5"


def test_true_events_are_spoken_of_only_where_they_are_known(found: Collected, workspace: Workspace) -> None:
    embedder = MediaEmbedder(workspace, budget=10**8)
    assert build_samples(found, embedder).has_events
    found.manifest = [dataclasses.replace(row, event_times_s=None) for row in found.manifest]
    assert not build_samples(found, embedder).has_events


def test_an_unknown_task_keeps_its_name_and_comes_last(media: MediaEmbedder) -> None:
    rows = [generated_row("a", task="new"), generated_row("b")]
    section = build_samples(Collected(generated=rows), media)
    assert [(task.name, task.title) for task in section.tasks] == [("vta", "Video to audio"), ("new", "new")]


def test_without_generated_clips_there_is_a_note(media: MediaEmbedder) -> None:
    section = build_samples(Collected(notes={"generated": "not yet"}), media)
    assert dataclasses.asdict(section) == {"note": "not yet", "tasks": [], "made_with": ""}
