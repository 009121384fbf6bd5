"""SPEC A8: a person works the page with the keyboard; what is answered is on disk; nothing else is served."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from data_contracts import UsageError
from tasks.commands.verify.job import current_sheet, rate, rating_page, results_text
from tasks.commands.verify.ratings import Rating
from tasks.engine.workspace import Workspace
from tests.tasks.commands.verify.build import verified
from tests.tasks.commands.verify.serve import KEY, served
from tests.tasks.report.browser import chromium

HOSTILE = "A dog </script><img src=x onerror=\"window.hit=1\"> barks & 'growls' {{ 7 * 7 }}"


def client(workspace: Workspace, rater: str = "anna") -> TestClient:
    page = rating_page(workspace, current_sheet(workspace), rater)
    return TestClient(page.app(KEY), base_url="http://127.0.0.1")


def test_only_the_sheets_audio_is_served_and_only_with_the_key(tmp_path: Path) -> None:
    workspace = verified(tmp_path, per_side=1, sounds=True)
    browser = client(workspace)
    assert browser.get(f"/{KEY}/").status_code == 200 and browser.get("/").status_code == 404
    assert browser.get("/other/").status_code == 404
    before, after = (browser.get(f"/{KEY}/audio/0/{which}") for which in ("before", "after"))
    assert before.content[:4] == after.content[:4] == b"fLaC" and before.content != after.content
    for path in ("audio/999/after", "audio/-1/after", "audio/..%2f..%2fconfig.yaml/after", "audio/0/../../x"):
        assert browser.get(f"/{KEY}/{path}").status_code == 404, path
    assert browser.get(f"/{KEY}/", headers={"host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b"not json", b"[]", b"{}", b'{"number": 999, "answer": "yes"}', b'{"number": -1, "answer": "yes"}',
        b'{"number": 0, "answer": "perhaps"}', b'{"number": null, "answer": "yes"}', b"x" * 5000,
    ],
)  # fmt: skip
def test_a_wrong_answer_is_refused_in_one_line_and_changes_nothing(tmp_path: Path, body: bytes) -> None:
    workspace = verified(tmp_path, per_side=1)
    reply = client(workspace).post(f"/{KEY}/answer", content=body)
    assert reply.status_code == 400 and "\n" not in reply.json()["error"]
    assert "no answers yet" in results_text(workspace)


def test_an_answer_is_saved_before_the_reply_and_comes_with_the_result_so_far(tmp_path: Path) -> None:
    workspace = verified(tmp_path, per_side=1)
    page = rating_page(workspace, current_sheet(workspace), "anna")
    browser = TestClient(page.app(KEY), base_url="http://127.0.0.1")
    reply = browser.post(f"/{KEY}/answer", json={"number": 1, "answer": "yes", "note": "clear"})
    assert reply.status_code == 200 and reply.json()["summary"][-1]["correct"] == 1
    kept = rating_page(workspace, current_sheet(workspace), "anna").ratings.answers
    assert kept == {page.items[1].item_id: Rating("yes", "clear")}
    page.ratings.path.unlink()
    page.ratings.path.mkdir()  # a file can no longer be written there
    failed = browser.post(f"/{KEY}/answer", json={"number": 0, "answer": "no"})
    assert failed.status_code == 500 and "could not be saved" in failed.json()["error"]


def test_audio_that_has_been_removed_is_named_not_leaked(tmp_path: Path) -> None:
    workspace = verified(tmp_path, per_side=1)  # rows without files
    reply = client(workspace).get(f"/{KEY}/audio/0/after")
    assert reply.status_code == 404 and reply.text.endswith("is missing") and str(tmp_path) not in reply.text


def test_captions_are_data_in_the_page(tmp_path: Path) -> None:
    page = client(verified(tmp_path, per_side=1, caption=HOSTILE)).get(f"/{KEY}/")
    assert "</script><img" not in page.text and 'onerror="' not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_port_in_use_is_said_before_any_address(tmp_path: Path) -> None:
    said: list[str] = []
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(UsageError, match="cannot be used"):
            rate(verified(tmp_path, per_side=1), "anna", other.getsockname()[1], said.append)
    assert not any("http" in line for line in said)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[tuple[Workspace, str]]:
    workspace = verified(tmp_path / "w", per_side=1, caption=HOSTILE, sounds=True)
    with served(rating_page(workspace, current_sheet(workspace), "anna")) as url:
        yield workspace, url


@pytest.mark.tools
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a8_a_person_works_through_the_sheet_with_the_keyboard(address: tuple[Workspace, str], tmp_path: Path) -> None:
    workspace, url = address
    rows = len(current_sheet(workspace))
    place = "document.querySelector('.place').textContent"
    with chromium(tmp_path / "profile") as page:
        page.open_url(url, width=1100, height=1000)
        assert page.evaluate(place) == f"Row 1 of {rows}" and not page.evaluate("window.hit")
        assert page.evaluate("document.querySelector('#before-caption').textContent") == HOSTILE
        page.press(" ", "Space")
        page.wait_for("!document.querySelector('#after').paused || document.querySelector('#after').currentTime > 0")
        for number, key in enumerate(("y", "n", "u"), 2):
            page.press(key, text=key)
            page.wait_for(f"{place} === 'Row {number} of {rows}'")
        page.press("ArrowLeft")
        page.wait_for("document.querySelector('[aria-pressed=true]').dataset.answer === 'unsure'")
        page.press("Backspace")
        page.wait_for("!document.querySelector('[aria-pressed=true]')")
        assert "2 of" in page.evaluate("document.querySelector('.count').textContent")
        kept = rating_page(workspace, current_sheet(workspace), "anna")
        given = kept.ratings.answers
        assert [given[item.item_id].answer for item in kept.items[:2]] == ["yes", "no"] and len(given) == 2
        page.open_url(url, width=390, height=800)  # a phone; a reload goes on at the first open row
        assert page.evaluate(place) == f"Row 3 of {rows}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for _ in range(rows):
            page.press("y", text="y")
            time.sleep(0.1)
        page.wait_for("!document.querySelector('.done').hidden")
        assert page.problems == []
    assert f"{rows - 1}" in results_text(workspace)


@pytest.mark.tools
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_an_answer_that_cannot_be_saved_stays_and_says_so(address: tuple[Workspace, str], tmp_path: Path) -> None:
    _, url = address
    with chromium(tmp_path / "profile") as page:
        page.open_url(url, width=800, height=800)
        page.evaluate("window.fetch = () => Promise.reject(new Error('gone'))")
        page.press("y", text="y")
        page.wait_for("!document.querySelector('.trouble[role]').hidden")
        assert page.evaluate("document.querySelector('.place').textContent").startswith("Row 1 of")
        assert "not saved: gone" in page.evaluate("document.querySelector('.trouble[role]').textContent")
