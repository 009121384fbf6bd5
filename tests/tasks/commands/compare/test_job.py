"""A rater's page is blinded and its order random; answers are kept as the systems', and resumed (SPEC E4)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from data_contracts import UsageError
from tasks.commands.compare.job import BETTER, a_is_second, rate, rating_page, results_text
from tasks.commands.compare.study import Pair, make_study, read_study
from tasks.commands.verify.ratings import read_ratings
from tasks.commands.verify.server import RatingPage
from tasks.media.audio import write_flac
from tests.tasks.commands.verify.serve import KEY, served
from tests.tasks.report.browser import chromium

HOSTILE = 'a dog </script><img src=x onerror="window.hit=1"> barks {{ 7 * 7 }}'
CAPTIONS = {
    **{f"n{i}": (f"caption {i}", "fast" if i % 2 else "far") for i in range(5)},
    "hostile": (HOSTILE, "far"),
}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    for number, system in enumerate(("secretmodel", "otherbaseline")):
        (tmp_path / system).mkdir()
        for name in CAPTIONS:
            tone = 0.2 * np.sin(2 * np.pi * (300 + 200 * number) * np.arange(4000) / 16000)
            write_flac(tmp_path / system / f"{name}.flac", tone.astype(np.float32), 16000)
    make_study(tmp_path / "study", tmp_path / "secretmodel", tmp_path / "otherbaseline", CAPTIONS)
    return tmp_path / "study"


def page_of(study: Path, rater: str) -> tuple[RatingPage, TestClient]:
    page = rating_page(study, read_study(study), rater)
    return page, TestClient(page.app(KEY), base_url="http://127.0.0.1")


def test_each_system_comes_first_for_half_of_the_pairs_and_always_the_same() -> None:
    drawn = [a_is_second(f"rater {rater}", f"item {item}") for rater in range(20) for item in range(50)]
    assert 0.45 < np.mean(drawn) < 0.55
    assert drawn == [a_is_second(f"rater {rater}", f"item {item}") for rater in range(20) for item in range(50)]


def test_the_page_says_nothing_of_the_systems(study: Path) -> None:
    _, browser = page_of(study, "anna")
    reply = browser.get(f"/{KEY}/")
    assert "secretmodel" not in reply.text and "otherbaseline" not in reply.text and '"a"' not in reply.text
    assert "</script><img" not in reply.text and "Result so far" not in reply.text
    sound = browser.get(f"/{KEY}/audio/0/first")
    assert sound.content[:4] == b"fLaC" and "secretmodel" not in str(sound.headers)
    assert "otherbaseline" not in str(sound.headers)
    assert browser.get(f"/{KEY}/audio/0/a").status_code == 404


def test_answers_are_kept_as_the_systems_and_shown_again_as_places(study: Path) -> None:
    page, browser = page_of(study, "anna")
    for number, item in enumerate(page.items):
        place = {kept: shown for shown, kept in item.kept.items()}["a"]  # this rater always prefers A
        assert browser.post(f"/{KEY}/answer", json={"number": number, "answer": place}).status_code == 200
    assert {rating.answer for rating in page.ratings.answers.values()} == {"a"}
    again, _ = page_of(study, "anna")
    text = again.html("n")
    assert '"answer": "first"' in text and '"answer": "second"' in text and '"answer": "a"' not in text
    shown = {item.item_id for item in again.items if item.kept["first"] == "a"}
    assert 0 < len(shown) < len(again.items)


@pytest.mark.parametrize("answer", ["a", "b", "yes", "third"])
def test_only_the_pages_own_answers_are_taken(study: Path, answer: str) -> None:
    _, browser = page_of(study, "anna")
    reply = browser.post(f"/{KEY}/answer", json={"number": 0, "answer": answer})
    assert reply.status_code == 400 and "expected first, same, second" in reply.json()["error"]


def test_an_answer_can_be_taken_back_and_one_file_per_rater_is_kept(study: Path) -> None:
    page, browser = page_of(study, "anna")
    browser.post(f"/{KEY}/answer", json={"number": 2, "answer": "same", "note": "both odd"})
    browser.post(f"/{KEY}/answer", json={"number": 3, "answer": "first"})
    browser.post(f"/{KEY}/answer", json={"number": 3, "answer": ""})
    items = {pair.item_id: pair.identity for pair in read_study(study)}
    kept = read_ratings(study / "ratings" / "anna.csv", items, BETTER)
    assert {name: (rating.answer, rating.note) for name, rating in kept.items()} == {
        page.items[2].item_id: ("same", "both odd")
    }


def test_results_of_several_raters(study: Path) -> None:
    assert "no answers yet" in results_text(study)
    for rater, wanted in (("anna", "a"), ("ben", "a"), ("cleo", "b")):
        page, browser = page_of(study, rater)
        for number, item in enumerate(page.items):
            place = {kept: shown for shown, kept in item.kept.items()}[wanted]
            browser.post(f"/{KEY}/answer", json={"number": number, "answer": place})
    lines = {line[:23].strip(): line.split() for line in results_text(study).splitlines()}
    assert lines["all"][1:6] == ["12", "0", "6", "18", "2.000"]
    assert lines["far"][1:5] == ["8", "0", "4", "12"] and lines["fast"][1:5] == ["4", "0", "2", "6"]
    assert lines["rater anna"][2:5] == ["6", "0", "0"] and lines["rater cleo"][6] == "0.000"
    assert "3 raters, 6 captions answered by two or more; same answer 33.3%" in results_text(study)
    (study / "ratings" / "dora.csv").write_bytes(b"")  # has not answered yet
    assert "rater dora" in results_text(study) and "3 raters, 6 captions" in results_text(study)


def test_sounds_that_changed_stop_the_rating_and_old_answers_do_not_count(study: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rater's name is empty"):
        rate(study, " ", 0, print)
    (tmp_path / "secretmodel" / "n1.flac").write_bytes(b"new")
    with pytest.raises(UsageError, match=r"changed or gone: .*n1\.flac"):
        rate(study, "anna", 0, print)
    pair = Pair(item_id="x", caption="c", adverb="", audio_a="a", sha256_a="1", audio_b="b", sha256_b="2")
    assert pair.identity == {"caption": "c", "sha256_a": "1", "sha256_b": "2"}


@pytest.mark.tools
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_person_compares_with_the_keyboard(study: Path, tmp_path: Path) -> None:
    page, _ = page_of(study, "anna")
    with served(page) as url, chromium(tmp_path / "profile") as browser:
        browser.open_url(url, width=1300, height=900)
        place = "document.querySelector('.place').textContent"
        assert browser.evaluate(place) == "Row 1 of 6" and not browser.evaluate("window.hit")
        browser.press("q", text="q")
        browser.wait_for("!document.querySelector('#first').paused || document.querySelector('#first').currentTime > 0")
        for number, key in enumerate(("1", "0", "2"), 2):
            browser.press(key, text=key)
            browser.wait_for(f"{place} === 'Row {number} of 6'")
        browser.open_url(url, width=390, height=800)
        assert browser.evaluate(place) == "Row 4 of 6"
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth") and browser.problems == []
    kept = [page.ratings.answers[item.item_id].answer for item in page.items[:3]]
    assert kept == [page.items[0].kept["first"], "same", page.items[2].kept["second"]]
