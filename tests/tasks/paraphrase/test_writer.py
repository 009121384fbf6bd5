"""The paraphrases of one caption, by a model that answers well, badly or not at all. SPEC A7."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tasks.llm.client import UnavailableError
from tasks.llm.completion import CompletionError
from tasks.llm.config import LLMConfig
from tasks.paraphrase.forms import requested_forms
from tasks.paraphrase.rules import key_tokens, paraphrases
from tasks.paraphrase.stage import ParaphraseStage
from tasks.paraphrase.validator import problems_of
from tasks.paraphrase.writer import EXTRA, WrittenParaphrases, by_model, by_rule
from tasks.recaption.writer import MAX_PROMPTED_CHARS
from tests.tasks.language.captions import said
from tests.tasks.recaption.test_writer import Scripted

BARKS = said("A dog barks very quickly at a cat", "very_fast")
GOOD = (
    "A dog is barking very rapidly at a cat",
    "There is a dog barking extremely fast at a cat",
    "A dog can be heard barking at a cat at a very fast pace",
)
TEMPLATES = ParaphraseStage(LLMConfig(backend="rules")).templates


def answer(*texts: str, tokens: tuple[str, ...] = ("dog",)) -> dict[str, Any]:
    return {"paraphrases": list(texts), "key_tokens": list(tokens)}


def write(client: Scripted, count: int = 3, rounds: int = 1) -> WrittenParaphrases:
    return asyncio.run(by_model(BARKS, count, client, TEMPLATES, rounds=rounds))


def texts(written: WrittenParaphrases, source: str) -> list[str]:
    return [text for text, by in written.paraphrases if by == source]


def test_good_answers_are_taken_in_their_order() -> None:
    client = Scripted(answer(*GOOD))
    written = write(client)
    assert texts(written, "llm") == list(GOOD)
    assert (len(client.prompts), written.judged, written.rejected) == (1, 3, ())


def test_a_bad_answer_does_not_spoil_its_neighbours() -> None:
    written = write(Scripted(answer(GOOD[0], "A cow moos", GOOD[1]), answer(GOOD[2])))
    assert texts(written, "llm") == list(GOOD)
    assert [text for text, _ in written.rejected] == ["A cow moos"]


def test_a_repeated_wording_counts_once() -> None:
    written = write(Scripted(answer(GOOD[0], GOOD[0].upper(), "The" + GOOD[0][1:]), answer()))
    assert texts(written, "llm") == [GOOD[0]]
    assert all("repeats another" in problems for _, problems in written.rejected[:1])


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_missing_ones_are_requested_again_in_other_forms(rounds: int) -> None:
    client = Scripted(*[answer()] * (1 + rounds))
    written = write(client, rounds=rounds)
    assert len(client.prompts) == 1 + rounds
    asked = [form for prompt in client.prompts for form in prompt.fields["write"].items()]
    assert asked[: 3 + EXTRA] == list(requested_forms(BARKS, 3 + EXTRA).items())
    assert len(asked) == (1 + rounds) * (3 + EXTRA)
    assert texts(written, "rule") == paraphrases(BARKS, 3)


@pytest.mark.parametrize("broken", [CompletionError("not JSON"), {}, {"paraphrases": 3}, {"paraphrases": [None, 1]}])
def test_an_answer_without_paraphrases_leaves_the_rules(broken: Any) -> None:
    written = write(Scripted(broken, broken))
    assert texts(written, "rule") == paraphrases(BARKS, 3)
    assert written.key_tokens == key_tokens(BARKS)


def test_an_object_is_read_by_the_names_of_its_forms() -> None:
    forms = list(requested_forms(BARKS, 4))
    named = {"paraphrases": dict(zip(reversed(forms), reversed((*GOOD, "A cow moos")), strict=True)), "key_tokens": []}
    assert texts(write(Scripted(named)), "llm") == list(GOOD)


def test_no_more_is_judged_than_twice_what_was_requested() -> None:
    written = write(Scripted(answer(*["A cow moos"] * 100), answer()))
    assert written.judged == 2 * (3 + EXTRA)


def test_rules_and_model_together_never_repeat_a_wording() -> None:
    first = paraphrases(BARKS, 1)[0]
    written = write(Scripted(answer(first), answer()))
    found = [text for text, _ in written.paraphrases]
    assert len({text.lower() for text in found}) == len(found) == 3
    assert all(problems_of(BARKS, text) == [] for text in found)


def test_key_tokens_are_words_of_the_caption_and_name_the_level() -> None:
    written = write(Scripted(answer(*GOOD, tokens=("dog", "cow", "CAT", ""))))
    assert written.key_tokens == ("dog", "cat", "very quickly")
    assert write(Scripted(answer(*GOOD, tokens=("cow",)))).key_tokens == key_tokens(BARKS)


def test_without_a_server_the_rules_write_and_the_reason_is_kept() -> None:
    written = write(Scripted(UnavailableError("no server at all")))
    assert written.unavailable == "no server at all"
    assert texts(written, "rule") == [text for text, _ in by_rule(BARKS, 3).paraphrases]


def test_a_long_caption_is_left_to_the_rules() -> None:
    long = said(BARKS.text + " and a dog" * (MAX_PROMPTED_CHARS // 10), "very_fast")
    client = Scripted()
    written = asyncio.run(by_model(long, 3, client, TEMPLATES))
    assert client.prompts == []
    assert written == by_rule(long, 3)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_no_more_than_wanted(count: int) -> None:
    assert len(write(Scripted(answer(*GOOD), answer(), answer()), count).paraphrases) == count
