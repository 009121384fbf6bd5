"""One caption, written by a model that answers well, badly or not at all. SPEC A6."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from data_contracts import ItemError
from tasks.language.cues import CuedCaption
from tasks.language.validator import check
from tasks.llm.client import UnavailableError
from tasks.llm.completion import CompletionError
from tasks.llm.config import LLMConfig
from tasks.llm.prompt import Prompt
from tasks.recaption.request import request_fields
from tasks.recaption.rules import rewrites
from tasks.recaption.stage import RecaptionStage
from tasks.recaption.writer import MAX_CHARS, MAX_PROMPTED_CHARS, Repair, WrittenCaption, by_model, by_rule, cleaned
from tests.tasks.language.captions import cued

KNOCKS = cued("A man knocks quickly on a door")
GOOD = "A man is knocking on a door very rapidly"
BAD = "A cow moos very quickly"
TEMPLATES = RecaptionStage(LLMConfig(backend="rules")).templates


class Scripted:
    """A client that gives prepared answers in turn, and raises those that are exceptions."""

    def __init__(self, *answers: Any) -> None:
        self.prompts: list[Prompt] = []
        self._answers: Iterator[Any] = iter(answers)

    async def complete(self, prompt: Prompt) -> dict[str, Any]:
        self.prompts.append(prompt)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, dict) else {"caption": answer}


def write(
    client: Scripted, caption: CuedCaption = KNOCKS, *, rounds: int = 1, feedback: bool = False
) -> WrittenCaption:
    return asyncio.run(by_model(caption, "very_fast", client, TEMPLATES, Repair(rounds=rounds, feedback=feedback)))


def test_an_accepted_answer_has_its_new_cue() -> None:
    written = write(Scripted(GOOD))
    assert (written.caption.text, written.source, written.attempts) == (GOOD, "llm", 1)
    assert written.caption.cue.words == "very rapidly"
    assert check(KNOCKS, written.caption, "very_fast") == []


def test_the_full_stop_of_the_caption_is_kept() -> None:
    assert write(Scripted(f"{GOOD}.")).caption.text == GOOD
    assert write(Scripted(GOOD), cued(f"{KNOCKS.text}.")).caption.text == f"{GOOD}."


def test_the_prompt_has_the_caption_the_change_and_no_answer() -> None:
    client = Scripted(GOOD)
    write(client)
    (prompt,) = client.prompts
    assert prompt.fields == {**request_fields(KNOCKS, "very_fast"), "level": "very_fast"}
    said = prompt.turns[0]["content"]
    assert not any(one.cue.words in said for one in rewrites(KNOCKS, "very_fast", limit=99))
    assert prompt.temperature == 0.0


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_a_refused_answer_is_tried_again_and_kept_with_its_problems(rounds: int) -> None:
    client = Scripted(*[BAD] * (1 + rounds))
    written = write(client, rounds=rounds)
    assert (written.source, written.caption) == ("rule", by_rule(KNOCKS, "very_fast").caption)
    assert [one["caption"] for one in written.rejected] == [BAD] * (1 + rounds)
    assert all("lost 'door'" in one["problems"] for one in written.rejected)
    assert len({prompt.attempt for prompt in client.prompts}) == len(client.prompts)


def test_a_repaired_answer_says_so() -> None:
    written = write(Scripted(BAD, GOOD))
    assert (written.source, written.attempts, len(written.rejected)) == ("llm_retry", 2, 1)


def test_feedback_repeats_the_task_with_the_refused_answer() -> None:
    told, plain = Scripted(BAD, GOOD), Scripted(BAD, GOOD)
    write(told, feedback=True)
    write(plain)
    assert len(told.prompts[1].turns) == 3
    assert told.prompts[1].fields["refused"] == BAD
    assert len(plain.prompts[1].turns) == 1
    assert told.prompts[1].temperature == plain.prompts[1].temperature > 0


@pytest.mark.parametrize("answer", [{"caption": 3}, {}, CompletionError("not JSON"), ""])
def test_answers_without_a_caption_are_refused(answer: Any) -> None:
    written = write(Scripted(answer, answer))
    assert written.source == "rule"
    assert len(written.rejected) == 2
    assert all(one["problems"] for one in written.rejected)


def test_without_a_server_the_rules_write_and_the_reason_is_kept() -> None:
    written = write(Scripted(UnavailableError("no server at all")))
    assert (written.source, written.unavailable) == ("rule", "no server at all")
    assert written.caption == by_rule(KNOCKS, "very_fast").caption


def test_other_errors_of_the_client_are_raised() -> None:
    with pytest.raises(RuntimeError, match="stop"):
        write(Scripted(RuntimeError("stop")))


def test_a_long_caption_is_left_to_the_rules() -> None:
    client = Scripted()
    long = cued(KNOCKS.text + " and on a door" * (MAX_PROMPTED_CHARS // 14))
    assert write(client, long).source == "rule"
    assert client.prompts == []


def test_a_caption_beyond_all_length_is_an_item_error_with_both_numbers() -> None:
    endless = cued(KNOCKS.text + " and on a door" * (MAX_CHARS // 13))
    with pytest.raises(ItemError, match=f"{len(endless.text):,} characters; at most {MAX_CHARS:,}") as caught:
        by_rule(endless, "very_fast")
    assert caught.value.reason == "caption_too_long"


def test_cleaning_removes_invisible_characters_and_keeps_the_cue() -> None:
    dirty = "A man\u200b \u202eknocks\x00  very\tquickly\n now"
    caption = CuedCaption.at(dirty, "fast", dirty.index("quickly"), dirty.index("quickly") + 7, "adverb")
    clean = cleaned(caption)
    assert clean.text == "A man knocks very quickly now"
    assert clean.cue.words == "quickly"
    assert re.fullmatch(r"A man knocks [\w' -]+ now", by_rule(caption, "very_fast").caption.text)
