"""The page in a real browser and over its API: it works without any outside host, on wide and on narrow screens."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_contracts import UsageError
from data_contracts.generation import TASKS
from tasks.commands.app.logic import FIELDS, fields_of
from tasks.commands.app.page import FIRST, HOST, _on_task, build, gradio, serve, settings
from tasks.commands.generate.session import InferenceSession
from tests.tasks.commands.generate.toys import put_toys, write_files
from tests.tasks.report.browser import Page, chromium

pytest.importorskip("gradio", reason="the extra `app` is not installed")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def built(files: Path, folder: Path) -> Any:
    """The page with toys and an untrained checkpoint, not yet served."""
    with pytest.MonkeyPatch.context() as patch:
        put_toys(patch)
        session = InferenceSession.open(files / "c.safetensors")
        assert session.text and session.image and session.sync  # loaded while the toys replace the real ones
        return build(session, folder)


@pytest.fixture(scope="module")
def address(built: Any, folder: Path) -> Iterator[str]:
    """The page on a free port."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    built.launch(**settings(gradio(), folder), server_port=port, prevent_thread_lock=True)
    yield f"http://{HOST}:{port}"
    built.close()


def component(page: Any, name: str) -> dict[str, Any]:
    """The properties of a part of the page, by its id."""
    found = [one["props"] for one in page.config["components"] if one["props"].get("elem_id") == name]
    assert len(found) == 1, name
    return found[0]


def test_the_page_starts_with_the_inputs_of_its_first_task(built: Any) -> None:
    assert [name for _, name in component(built, "task")["choices"]] == list(TASKS)
    assert {name for name in FIELDS if component(built, name)["visible"]} == fields_of(FIRST)
    assert component(built, "hint")["value"] == TASKS[FIRST].help
    for title in (task.title for task in TASKS.values()):
        assert title in {label for label, _ in component(built, "task")["choices"]}


@pytest.mark.parametrize("task", TASKS)
def test_another_task_shows_its_own_inputs_and_marks_the_optional_ones(task: str) -> None:
    hint, *updates = _on_task(gradio())(task)
    shown = {name: update for name, update in zip(FIELDS, updates, strict=True) if update["visible"]}
    assert hint == TASKS[task].help and shown.keys() == fields_of(task)
    marked = {name for name, update in shown.items() if update["label"].endswith("(optional)")}
    assert marked == shown.keys() - set(TASKS[task].inputs) - {"original"}


def test_nothing_is_shared_or_sent(tmp_path: Path) -> None:
    found = settings(gradio(), tmp_path)
    assert found["server_name"] == "127.0.0.1" and found["allowed_paths"] == [str(tmp_path)]
    assert not any(found[name] for name in ("share", "enable_monitoring", "mcp_server", "run_history"))
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False" and os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"


def opened(tab: Page, address: str, width: int, height: int = 1400) -> None:
    tab.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
    tab.call("Page.navigate", url=address)
    wait(tab, "!!document.querySelector('#generate')")


def wait(tab: Page, condition: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not tab.evaluate(condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.1)


def shown(tab: Page) -> set[str]:
    names = ("video", "text", "original", "reference_audio", "reference_video", "window")
    visible = "(e => !!e && e.offsetParent !== null)(document.querySelector('#{}'))"
    return {name for name in names if tab.evaluate(visible.format(name))}


def expect(tab: Page, names: set[str], seconds: float = 60) -> None:
    """Waits until just these inputs are to be seen: the page builds them as it goes."""
    deadline = time.monotonic() + seconds
    while shown(tab) != names:
        assert time.monotonic() < deadline, (shown(tab), names)
        time.sleep(0.1)


def choose(tab: Page, task: str) -> None:
    wait(tab, f"(e => e ? (e.click(), true) : false)(document.querySelector('#task input[value={task}]'))")


def press(tab: Page, text: str) -> None:
    """Clicks the button that reads so."""
    found = f"[...document.querySelectorAll('button')].find(e => e.innerText.trim() === {text!r})"
    wait(tab, f"(e => e ? (e.click(), true) : false)({found})")


def foreign(tab: Page, address: str) -> list[str]:
    """Returns requests to other hosts; the browser's own complaints about fonts or icons are not the page's."""
    requests = [problem for problem in tab.problems if problem.startswith("request: ")]
    return [one for one in requests if not one.startswith((f"request: {address}", "request: blob:", "request: about:"))]


@pytest.mark.tools
@pytest.mark.parametrize("width", [1280, 390])
def test_it_works_in_a_browser_and_asks_no_other_host(address: str, tmp_path: Path, width: int) -> None:
    with chromium(tmp_path / "profile") as tab:
        opened(tab, address, width)
        assert "placeholders" in tab.evaluate("document.querySelector('#about').innerText")
        expect(tab, {"video", "text"})
        choose(tab, "edit")
        expect(tab, {"video", "text", "original", "reference_audio", "reference_video", "window"})
        choose(tab, "tta")
        expect(tab, {"text"})
        press(tab, "Generate")
        wait(tab, "document.querySelector('#message').innerText.includes('task tta needs text')")
        _type(tab, "a dog barks")
        press(tab, "Generate")
        wait(tab, "document.querySelector('#message').innerText.includes('seed 0')")
        wait(tab, "!!document.querySelector('#download a[href]')")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.evaluate("scrollTo(0, 0)")
        tab.screenshot(tmp_path / f"page-{width}.png")
        if keep := os.environ.get("FOLEYGENEX_SCREENSHOTS"):
            tab.screenshot(Path(keep) / f"page-{width}.png")
        assert foreign(tab, address) == []


def _type(tab: Page, text: str) -> None:
    tab.evaluate("document.querySelector('#text textarea, #text input').focus()")
    tab.call("Input.insertText", text=text)


def test_a_port_in_use_is_one_line(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_toys(monkeypatch)
    with gradio().Blocks() as empty:
        pass
    monkeypatch.setattr("tasks.commands.app.page.build", lambda *_: empty)
    said: list[str] = []
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        with pytest.raises(UsageError, match=r"port \d+ cannot be used.* --port"):
            serve(InferenceSession.open(files / "c.safetensors"), other.getsockname()[1], said.append)
    assert not said


def test_the_api_generates_a_video_with_its_audio(address: str, files: Path) -> None:
    from gradio_client import Client, handle_file

    from tasks.media.video import probe_video

    client = Client(address, verbose=False, analytics_enabled=False)
    blank = ("", None, None, None, "", 0, 3, 2, 4.5)
    video = handle_file(str(files / "silent.mp4"))
    message, video_out, audio, download = client.predict("vta", video, *blank, api_name="/generate")
    assert "seed 3" in str(message)
    path = video_out["video"] if isinstance(video_out, dict) else video_out
    assert probe_video(Path(path)).has_audio and Path(audio).suffix == ".wav"
    assert len(download) == 2
    message, video_out, audio, download = client.predict("vta", None, *blank, api_name="/generate")
    assert "task vta needs video" in str(message) and not video_out and not audio
