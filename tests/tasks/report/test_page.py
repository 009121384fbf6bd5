"""The report: one inert, self-contained, deterministic page, whatever is missing or hostile in the workspace."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from markupsafe import escape

from data_contracts import AblationScore, ClaimResult, write_table
from tasks.engine.workspace import Workspace
from tasks.report import page as module
from tasks.report.collect import Collected
from tasks.report.page import render, write_report
from tasks.report.words import system_name
from tests.tasks.report.browser import chromium
from tests.tasks.report.conftest import SETTINGS
from tests.tasks.report.test_claims import claim_row

COVERED = """[...document.querySelectorAll('video, .screen img')].filter(shown => {
  const a = shown.getBoundingClientRect();
  return shown.checkVisibility() && [...document.querySelectorAll('button, summary')].some(control => {
    const b = control.getBoundingClientRect();
    const overlaps = b.left < a.right && a.left < b.right && b.top < a.bottom && a.top < b.bottom;
    return overlaps && control.checkVisibility();
  });
}).length"""
"""How many pictures lie under a control."""
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
    assert "Named configurations" not in page and "h-claims" not in page
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
    copy.stage("claims")
    write_table(copy.table("claims", ClaimResult.TABLE), ClaimResult, [claim_row("shown", 0.1)])
    changed = write_report(copy, SETTINGS).read_text("utf-8")
    assert '<h3 id="h-claims">' in changed and '<span class="met">shown</span>' in changed
    assert "The table of the evaluate stage cannot be read" in changed and str(tmp_path) not in changed
    assert "far-0.flac is not there" in changed
    assert "Named configurations" in changed and '<span class="clear">-0.50 (-0.70 to -0.30)</span>' in changed


def test_every_row_of_the_quarantine_is_on_the_page(page: str, found: Collected) -> None:
    section = page[page.index('<section id="quarantine"') :]
    assert len(found.quarantine) == 4
    for row in found.quarantine:
        assert row.item_id in section and row.reason in section and str(escape(row.message)) in section


def test_every_score_is_on_the_page_with_its_system_and_backend(page: str, found: Collected) -> None:
    section = page[page.index('<section id="scores"') : page.index('<section id="augmentation"')]
    scored = [row for row in found.scores if row.value is not None]
    for row in scored:
        assert system_name(row.system) in section and row.metric in section and str(escape(row.backend)) in section
    assert section.count('class="sub">7 groups</span>') == len(scored)
    assert section.count('<text class="tick"') >= 2 * section.count('<svg class="strip"')
    assert section.count('<svg class="strip"') == len({(row.task, row.metric) for row in scored})
    assert "not computed: &lt;b&gt;FD_VGG&lt;/b&gt; weights absent" in section  # a metric without a value says why


def test_over_the_budget_media_are_left_out_and_counted(
    workspace: Workspace, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AUGMENTATION_CHARS", 200_000)
    monkeypatch.setattr(module, "REPORT_CHARS", 400_000)
    small = render(workspace, SETTINGS)
    assert len(small) < len(page) and "left out to keep this file small" in small
    (count,) = re.findall(r"(\d+) media files were left out to limit its size", small)
    assert int(count) > 10 and "left out to limit" not in page
    assert small.count("data:image/png") == page.count("data:image/png")  # every spectrogram stays


@pytest.mark.tools
@pytest.mark.parametrize("width", [1280, 390])
def test_chromium_renders_and_plays_it(workspace: Workspace, page: str, tmp_path: Path, width: int) -> None:
    assert page
    with chromium(tmp_path / "profile") as tab:
        tab.open(workspace.path("report", "report.html"), width=width)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth && innerWidth") == width
        assert tab.evaluate("typeof window.hacked") == "undefined"
        assert tab.evaluate("document.documentElement.scrollHeight") < (12_000 if width < 600 else 8_000)
        assert tab.evaluate("[...document.querySelectorAll('video')].some(video => video.controls)") is False
        assert tab.evaluate(COVERED) == 0
        tab.evaluate("document.querySelector('.with-video .play').click()")
        tab.evaluate("new Promise(r => setTimeout(r, 1500))")
        assert tab.evaluate("document.querySelector('.with-video video').currentTime") > 0
        assert tab.problems == []


def test_every_class_with_a_style_is_used() -> None:
    folder = Path(module.__file__).parent
    rules = re.sub(r"\{[^}]*\}", "{}", (folder / "assets" / "report.css").read_text("utf-8"))
    files = [*folder.glob("*.py"), *folder.glob("templates/*.j2"), folder / "assets" / "report.js"]
    source = "\n".join(path.read_text("utf-8") for path in files)
    names = {name for name in re.findall(r"\.([a-z][\w-]*)", rules) if not name.startswith("by-")}  # by-SOURCE
    assert "placeholder" in names
    assert [name for name in sorted(names) if not re.search(rf"(?<![\w-]){name}(?![\w-])", source)] == []


def test_what_is_not_looked_at_first_is_folded(page: str) -> None:
    for name in ("samples", "augmentation"):
        section = page[page.index(f'<section id="{name}"') :]
        section = section[: section.index("</section>")]
        groups = re.findall(r'<details class="group"( open)?>', section)
        assert len(groups) >= 5 and groups == [" open"] + [""] * (len(groups) - 1)
    assert page.count("<details") == page.count("</details>")


def test_no_seed_and_no_whole_hash_is_to_be_read(page: str, found: Collected) -> None:
    text = re.sub(r"<[^>]*>", " ", re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL))
    assert not re.search(r"\b\d{17,}\b", text) and not re.search(r"\b[0-9a-f]{40,}\b", text)
    assert all(weights.sha256 in page for weights in found.weights)  # a pointer shows it whole
    assert "EventF1" not in page[page.index('<section id="samples"') : page.index('<section id="scores"')]
