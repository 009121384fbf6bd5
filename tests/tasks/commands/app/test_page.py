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
from tasks.commands.app.logic import FIELDS, MAX_VARIANTS, fields_of
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
    marked = {name for name, update in shown.items() if update["label"].endswith("optional)")}
    assert marked == shown.keys() - set(TASKS[task].inputs) - {"original"}


def test_no_widget_has_a_button_that_sends_its_file_elsewhere(built: Any) -> None:
    media = [one for one in built.config["components"] if one["type"] in ("audio", "video", "file")]
    assert len(media) == len(FIELDS) - 2 + 3 * MAX_VARIANTS
    assert not any("share" in (one["props"].get("buttons") or ()) for one in media)
    assert all(one["props"].get("buttons") is not None for one in media if one["type"] != "file")


def test_nothing_is_shared_or_sent(tmp_path: Path) -> None:
    found = settings(gradio(), tmp_path)
    assert found["server_name"] == "127.0.0.1" and found["allowed_paths"] == [str(tmp_path)]
    assert not any(found[name] for name in ("share", "enable_monitoring", "mcp_server", "run_history"))
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False" and os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"


CLIPPED = (
    "[...document.querySelectorAll('.source-selection, .variant')]"
    ".filter(element => element.scrollWidth > element.clientWidth + 1).length"
)
"""How many toolbars and results are wider than their place."""


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
        wait(tab, "document.querySelector('#message').innerText.includes('“Text to audio” needs “Prompt”')")
        _type(tab, "a dog barks")
        fill(tab, "variants", 2)
        press(tab, "Generate")
        wait(tab, "document.querySelector('#message').innerText.includes('Done: 2 variants')")
        assert "seed 1" in tab.evaluate("document.querySelector('#variant-2').innerText")
        wait(tab, "document.querySelectorAll('#variant-2 .download a[href]').length === 2")  # audio and its sidecar
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert tab.evaluate(CLIPPED) == 0
        tab.evaluate("scrollTo(0, 0)")
        tab.screenshot(tmp_path / f"page-{width}.png")
        if keep := os.environ.get("FOLEYGENEX_SCREENSHOTS"):
            tab.screenshot(Path(keep) / f"page-{width}.png")
        assert foreign(tab, address) == []


def fill(tab: Page, name: str, value: int) -> None:
    """Sets a number as typing does."""
    tab.evaluate(
        f"(e => {{ e.value = {value}; for (const kind of ['input', 'change', 'blur'])"
        " e.dispatchEvent(new Event(kind, { bubbles: true })); })"
        f"(document.querySelector('#{name} input[type=number]'))"
    )


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


def handler(built: Any) -> tuple[list[str], Any]:
    """The function behind the button, and the ids of its inputs after the event that cancels it."""
    (found,) = [fn for fn in built.fns.values() if getattr(fn.fn, "__qualname__", "").endswith("handler.<locals>.run")]
    return [block.elem_id for block in found.inputs[1:]], found.fn


def test_the_button_generates_a_video_with_its_audio_and_the_sidecar(built: Any, files: Path) -> None:
    from tasks.media.video import probe_video

    names, generate = handler(built)
    given = {"task": "vta", "video": str(files / "silent.mp4"), "variants": 2, "seed": 3, "steps": 2, "cfg": 4.5}
    *updates, last = generate(None, *(given.get(name) for name in names))
    values = [value for update in updates for value in update.values()]
    assert any("<progress" in str(value) and "Variant 2 of 2: step 1 of 2" in str(value) for value in values)
    downloads = [value for value in values if isinstance(value, list)]
    assert [[Path(path).name for path in paths] for paths in downloads] == [
        [f"vta-seed-{seed}{suffix}" for suffix in (".mp4", ".wav", ".wav.json")] for seed in (3, 4)
    ]
    assert probe_video(Path(downloads[0][0])).has_audio
    message, *buttons = last.values()
    assert "Done: 2 variants." in message and [button["visible"] for button in buttons] == [True, False]


def test_what_a_person_typed_is_shown_as_text(built: Any, files: Path) -> None:
    names, generate = handler(built)
    given = {"task": "edit", "original": str(files / "old.wav"), "window": "<b>now</b>", "variants": 1, "seed": 0}
    (last,) = generate(None, *(given.get(name) for name in names))
    assert "&lt;b&gt;now&lt;/b&gt;" in str(list(last.values())) and "<b>" not in str(list(last.values()))


def test_requests_from_elsewhere_are_refused(address: str) -> None:
    import httpx

    assert httpx.get(address).status_code == 200
    assert httpx.get(address, headers={"host": "evil.example"}).status_code == 403
    assert httpx.get(f"{address}/config", headers={"origin": "http://evil.example"}).status_code == 403
    assert httpx.post(f"{address}/gradio_api/upload", headers={"origin": "null"}).status_code == 403
