"""The page's script in headless Chromium: one clip plays at a time, spectrograms seek, videos switch their audio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.engine.workspace import Workspace
from tests.tasks.report.browser import Page, chromium

pytestmark = pytest.mark.tools
PLAYING = "[...document.querySelectorAll('audio, video')].filter(media => !media.paused).length"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("profile") / "p") as tab:
        yield tab


@pytest.fixture
def tab(browser: Page, workspace: Workspace, page: str) -> Page:
    assert page
    browser.open(Path(workspace.path("report", "report.html")), width=1280)
    return browser


def test_only_one_clip_plays_at_a_time(tab: Page) -> None:
    audio = "document.querySelectorAll('#augmentation .play')"
    tab.evaluate(f"{audio}[0].click()")
    tab.wait_for(f"{PLAYING} === 1")
    tab.evaluate(f"{audio}[3].click()")
    tab.wait_for(f"{PLAYING} === 1 && document.querySelectorAll('#augmentation .track.playing').length === 1")
    assert tab.evaluate("document.querySelectorAll('#augmentation .track')[3].classList.contains('playing')")
    tab.evaluate(f"{audio}[3].click()")
    tab.wait_for(f"{PLAYING} === 0")
    assert tab.problems == []


def test_the_button_says_what_it_does(tab: Page) -> None:
    button = "document.querySelector('#augmentation .play')"
    assert tab.evaluate(f"{button}.getAttribute('aria-label')") == "Play: Before"
    tab.evaluate(f"{button}.click()")
    tab.wait_for(f"{button}.getAttribute('aria-label') === 'Pause: Before'")
    tab.evaluate(f"{button}.click()")
    tab.wait_for(f"{button}.getAttribute('aria-label') === 'Play: Before'")


def test_a_spectrogram_seeks_and_shows_the_position(tab: Page) -> None:
    tab.evaluate(
        "const seek = document.querySelector('#augmentation .seek'); seek.value = 1;"
        "seek.dispatchEvent(new Event('input')); 1"
    )
    tab.wait_for("document.querySelector('#augmentation audio').currentTime === 1")
    assert str(tab.evaluate("document.querySelector('#augmentation .time').textContent")).startswith("1.0 / ")
    assert tab.evaluate("document.querySelector('#augmentation .seek').getAttribute('aria-valuetext')")


def test_a_video_switches_its_audio_and_keeps_the_position(tab: Page) -> None:
    card = "document.querySelector('.with-video')"
    tab.wait_for(f"{card}.querySelector('video').readyState > 0")
    tab.evaluate(f"{card}.querySelector('video').currentTime = 1; 1")
    before = tab.evaluate(f"{card}.querySelector('video').src.length")
    other = f"{card}.querySelector('.switch [aria-pressed=\"false\"]')"
    name = tab.evaluate(f"{other}.textContent")
    tab.evaluate(f"{other}.click()")
    tab.wait_for(f"{card}.querySelector('video').readyState > 0 && {card}.querySelector('video').currentTime === 1")
    assert tab.evaluate(f"{card}.querySelector('video').src.length") != before
    assert tab.evaluate(f"{card}.querySelector('.switch [aria-pressed=\"true\"]').textContent") == name


def test_every_control_has_a_name_and_every_image_a_text(tab: Page) -> None:
    unnamed = (
        "[...document.querySelectorAll('button, input, video, a')].filter(element =>"
        " !element.getAttribute('aria-label') && !element.textContent.trim()).length"
    )
    assert tab.evaluate(unnamed) == 0
    assert tab.evaluate("document.querySelectorAll('img:not([alt])').length") == 0
    assert tab.evaluate("document.querySelectorAll('svg[role=img]:not([aria-label])').length") == 0


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_readable_in_both_colour_schemes(browser: Page, workspace: Workspace, page: str, dark: bool) -> None:
    assert page
    browser.open(Path(workspace.path("report", "report.html")), width=390, dark=dark)
    luminance = (
        "(element, name) => { const [r, g, b] = getComputedStyle(element)[name].match(/\\d+/g).map(Number);"
        " const linear = [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);"
        " return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]; }"
    )
    ratio = browser.evaluate(
        f"(() => {{ const of = {luminance}; const text = of(document.querySelector('#scores .about'), 'color');"
        " const paper = of(document.body, 'backgroundColor');"
        " return (Math.max(text, paper) + 0.05) / (Math.min(text, paper) + 0.05); })()"
    )
    assert ratio >= 4.5  # WCAG AA
