"""SPEC A1 by dependency parse: hard captions of our own, properties of any text, and the gold captions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts import UsageError, WeightsError
from tasks.language.finder import may_match
from tasks.language.parse import parser_here
from tasks.mine.miner import RuleMiner, select
from tasks.mine.parser import ParseMiner, make_miner
from tasks.mine.score import SIDES, score
from tests.tasks.mine.captions import NAMED, UNNAMED
from tests.tasks.mine.conftest import shown
from tests.tasks.mine.test_miner import LOOK_ALIKES
from tests.tasks.mine.test_miner import NAMED as PLAIN

EVERYTHING = (*NAMED, *UNNAMED)


def test_another_choice_of_parser_is_refused() -> None:
    with pytest.raises(UsageError, match="parser 'guess' is unknown; choose one of auto, spacy, rules"):
        make_miner("guess")


@pytest.mark.parametrize("caption", NAMED)
def test_a1_named_sides_with_their_words_and_class(parser: ParseMiner, caption: str) -> None:
    (found,) = parser.find([caption])
    assert shown(found) == NAMED[caption]
    assert all(caption[match.start : match.end] == match.words for match in found)


@pytest.mark.parametrize("caption", UNNAMED)
def test_a1_verbs_places_materials_negations_and_trends_name_no_side(parser: ParseMiner, caption: str) -> None:
    assert shown(parser.find([caption])[0]) == ""


def test_a1_what_the_rules_find_the_parse_finds_too(parser: ParseMiner) -> None:
    wanted = {caption: side for caption, side, _, _ in PLAIN}
    for caption, found in zip(wanted, parser.find(list(wanted)), strict=True):
        assert wanted[caption] in {match.side for match in found}, caption
    for caption, found in zip(LOOK_ALIKES, parser.find(LOOK_ALIKES), strict=True):
        assert shown(found) == "", caption


def test_a_batch_finds_what_each_caption_finds_alone_and_repeats_cost_nothing(parser: ParseMiner, monkeypatch) -> None:
    alone = [parser.find([caption])[0] for caption in EVERYTHING[:40]]
    assert parser.find([*EVERYTHING[:40], *EVERYTHING[:40]]) == [*alone, *alone]
    parsed: list[str] = []
    nlp = parser_here()
    plain = nlp.pipe
    monkeypatch.setattr(nlp, "pipe", lambda texts, **kw: plain([t for t in texts if not parsed.append(t)], **kw))
    parser.find(["A loud bang"] * 50 + ["A dog barks"] * 50)
    assert parsed == ["A loud bang"]


def test_a_caption_that_the_first_look_drops_has_no_match(parser: ParseMiner) -> None:
    assert all(may_match(caption) for caption in NAMED)
    assert not may_match("A man speaks and a dog barks")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["loud", "Not", "close", "far", ",", "soft", "İ", "\n", "’", "", "room", "-", "🐕"])))
def test_any_text_is_mined_without_fail(parser: ParseMiner, words: list[str]) -> None:
    caption = " ".join(words)
    (found,) = parser.find([caption])
    taken: set[int] = set()
    for match in found:
        assert caption[match.start : match.end] == match.words
        assert SIDES[match.side] == match.dimension
        assert taken.isdisjoint(range(match.start, match.end))
        taken |= set(range(match.start, match.end))


def test_several_dimensions_and_both_sides(parser: ParseMiner) -> None:
    (found,) = parser.find(["A loud horn, then a quiet horn nearby"])
    assert [match.side for match in found] == ["loud", "quiet", "near"]
    assert [match.side for match in select(found)] == ["near"]


def test_the_setting_chooses_and_a_missing_model_is_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert isinstance(make_miner("auto"), RuleMiner)
    assert isinstance(make_miner("rules"), RuleMiner)
    with pytest.raises(WeightsError, match="foleygenex fetch-parser"):
        make_miner("spacy")


@pytest.mark.realdata
def test_a1_precision_and_recall_on_the_gold_captions(parser: ParseMiner, realdata: Path) -> None:
    for side in score(parser, realdata / "labels" / "adverb_gold_dev.csv"):
        assert side.hits + side.misses >= 10
        assert side.strict_precision >= 0.95, side
        assert side.recall >= 0.95, side
