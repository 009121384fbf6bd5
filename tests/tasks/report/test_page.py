"""The report: one inert, self-contained, deterministic page, whatever is missing or hostile in the workspace."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from data_contracts import AblationScore, write_table
from tasks.engine.workspace import Workspace
from tasks.report.page import render, write_report
from tests.tasks.report.browser import chromium
from tests.tasks.report.conftest import SETTINGS

SECTIONS = ("samples", "scores", "augmentation", "training", "pipeline", "quarantine", "provenance")


def test_all_sections_are_there(page: str) -> None:
    assert all(f'<section id="{name}"' in page for name in SECTIONS)
    assert all(f'href="#{name}"' in page for name in SECTIONS)
    assert page.count("data:audio/flac") > 16
    assert page.count("data:video/mp4") >= 16


def test_untrusted_text_is_inert(page: str) -> None:
    assert "<script>window" not in page
    assert "<img src=x" not in page
    assert page.count("<script>") == page.count("</script>") == 1
    assert "{{7*7}}" in page and "49 {%" not in page


def test_nothing_is_fetched(page: str) -> None:
    assert not re.search(r"""(?:src|href|action|data)\s*=\s*["']?\s*(?:https?:)?//""", page)
    assert not re.search(r"@import|url\(", page)
    assert "default-src 'none'" in page


def test_the_policy_allows_the_pages_own_style_and_script_and_no_other(page: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert re.fullmatch(r"&#39;sha256-[\w+/=]{44}&#39;|'sha256-[\w+/=]{44}'", directives["script-src"])
    assert re.fullmatch(r"&#39;sha256-[\w+/=]{44}&#39;|'sha256-[\w+/=]{44}'", directives["style-src"])
    assert directives["img-src"] == directives["media-src"] == "data:"
    assert not re.search(r"<[^>]*\s(?:style|on\w+)\s*=", re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL))


def test_same_inputs_give_the_same_bytes(workspace: Workspace, page: str) -> None:
    assert render(workspace, SETTINGS) == page


def test_an_empty_workspace_says_so(tmp_path: Path) -> None:
    page = write_report(Workspace(tmp_path / "empty"), SETTINGS).read_text("utf-8")
    assert all(f'<section id="{name}"' in page for name in SECTIONS)
    for stage in ("augment", "train", "generate", "evaluate"):
        assert f"The {stage} stage has not run yet." in page


def test_broken_tables_lost_files_and_named_configurations_are_shown(
    workspace: Workspace, page: str, tmp_path: Path
) -> None:
    assert "Named configurations" not in page
    copy = Workspace(Path(shutil.copytree(workspace.root, tmp_path / "copy")))
    copy.table("evaluate", "scores").write_bytes(b"not parquet")
    copy.path("augment", "audio", "far-0.flac").unlink()
    values = {"task": "fe", "metric": "EventF1@100ms", "ci_low": 0.1, "ci_high": 0.9, "n": 7, "steps": 300}
    values |= {"backend": "x", "higher_is_better": True}
    none = {"delta": None, "delta_low": None, "delta_high": None}
    rows = [
        AblationScore(item_id="a", variant="full", value=0.75, **none, **values),
        AblationScore(item_id="b", variant="m-1", value=0.25, delta=-0.5, delta_low=-0.7, delta_high=-0.3, **values),
    ]
    copy.stage("ablations")
    write_table(copy.table("ablations", AblationScore.TABLE), AblationScore, rows)
    changed = write_report(copy, SETTINGS).read_text("utf-8")
    assert "The table of the evaluate stage cannot be read" in changed and str(tmp_path) not in changed
    assert "far-0.flac is not there" in changed
    assert "Named configurations" in changed and '<span class="clear">-0.50 (-0.70 to -0.30)</span>' in changed


@pytest.mark.tools
@pytest.mark.parametrize("width", [1280, 390])
def test_chromium_renders_and_plays_it(workspace: Workspace, page: str, tmp_path: Path, width: int) -> None:
    assert page
    with chromium(tmp_path / "profile") as tab:
        tab.open(workspace.path("report", "report.html"), width=width)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth && innerWidth") == width
        assert tab.evaluate("typeof window.hacked") == "undefined"
        tab.evaluate("document.querySelector('.with-video .play').click()")
        tab.evaluate("new Promise(r => setTimeout(r, 1500))")
        assert tab.evaluate("document.querySelector('.with-video video').currentTime") > 0
        assert tab.problems == []
