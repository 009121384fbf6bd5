"""The report: one inert, self-contained, deterministic page, whatever is missing or hostile in the workspace."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from data_contracts import AblationScore, write_table
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace
from tasks.report.diff import word_diff
from tasks.report.job import write_report
from tasks.report.spectrogram import power, to_png
from tests.tasks.report.browser import chromium
from tests.tasks.report.sample_workspace import make_workspace

SECTIONS = ("samples", "scores", "augmentation", "training", "pipeline", "quarantine", "provenance")
HOSTILE = [
    "<script>window.hacked=1</script>",
    "{{7*7}} {% raw %}",
    "\"><img src=x onerror='window.hacked=1'>",
    "</script></style>&",
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("report") / "run", captions=HOSTILE, clip_s=3.0, per_level=1)


@pytest.fixture(scope="module")
def page(workspace):
    return write_report(workspace, PipelineConfig().model_dump(mode="json")).read_text("utf-8")


def test_all_sections_are_there(page):
    assert all(f'<section id="{name}"' in page for name in SECTIONS)
    assert page.count("data:audio/flac") > 16
    assert page.count("data:video/mp4") >= 16


def test_named_configurations_are_shown_where_they_were_run(workspace, page, tmp_path):
    assert "Named configurations" not in page
    shutil.copytree(workspace.root, tmp_path / "run")
    run = Workspace(tmp_path / "run")
    values = {"task": "fe", "metric": "EventF1@100ms", "ci_low": 0.1, "ci_high": 0.9, "n": 7, "steps": 300}
    values |= {"backend": "x", "higher_is_better": True}
    none = {"delta": None, "delta_low": None, "delta_high": None}
    rows = [
        AblationScore(item_id="a", variant="full", value=0.75, **none, **values),
        AblationScore(item_id="b", variant="m-1", value=0.25, delta=-0.5, delta_low=-0.7, delta_high=-0.3, **values),
    ]
    run.stage("ablations")
    write_table(run.table("ablations", AblationScore.TABLE), AblationScore, rows)
    text = write_report(run, PipelineConfig().model_dump(mode="json")).read_text("utf-8")
    assert "Named configurations" in text and '<span class="clear">-0.50 (-0.70 to -0.30)</span>' in text


def test_untrusted_text_is_inert(page):
    assert "<script>window" not in page
    assert "<img src=x" not in page
    assert page.count("<script>") == page.count("</script>") == 1
    assert "{{7*7}}" in page and "49 {%" not in page


def test_nothing_is_fetched(page):
    assert not re.search(r"""(?:src|href|action|data)\s*=\s*["']?\s*(?:https?:)?//""", page)
    assert not re.search(r"@import|url\(", page)
    assert "default-src 'none'" in page


def test_same_inputs_give_the_same_bytes(workspace, page):
    assert write_report(workspace, PipelineConfig().model_dump(mode="json")).read_text("utf-8") == page


def test_an_empty_workspace_says_so(tmp_path):
    page = write_report(Workspace(tmp_path / "empty"), PipelineConfig().model_dump(mode="json")).read_text("utf-8")
    assert all(f'<section id="{name}"' in page for name in SECTIONS)
    for stage in ("augment", "train", "generate", "evaluate"):
        assert f"The {stage} stage has not run yet." in page


def test_a_broken_table_and_a_lost_file_are_said(workspace, tmp_path):
    copy = Workspace(shutil.copytree(workspace.root, tmp_path / "copy"))
    copy.table("evaluate", "scores").write_bytes(b"not parquet")
    copy.path("augment", "audio", "far-0.flac").unlink()
    page = write_report(copy, PipelineConfig().model_dump(mode="json")).read_text("utf-8")
    assert "The table of the evaluate stage cannot be read" in page
    assert "far-0.flac is not there" in page


def test_word_diff_spells_both_captions():
    before, after = "A stick taps wood fast and loudly.", "A stick taps wood at a medium pace."
    pieces = word_diff(before, after)
    assert "".join(p.text for p in pieces if p.kind != "added") == before
    assert "".join(p.text for p in pieces if p.kind != "removed") == after


def test_a_tone_stands_at_its_frequency_and_ends_where_it_ends():
    tone = np.sin(2 * np.pi * 2000 * np.arange(16000) / 16000).astype(np.float32)
    cells = power(tone, 16000, span_s=2.0, top=8000)
    rows, columns = cells.shape
    assert abs(np.nanargmax(cells[:, columns // 4]) / rows - 0.75) < 0.03
    assert np.isnan(cells[:, columns * 3 // 4]).all()
    assert abs(np.nanmax(cells) - 1.0) < 0.1
    assert to_png(cells, reference=1.0) == to_png(cells, reference=1.0)


@pytest.mark.tools
@pytest.mark.parametrize("width", [1280, 390])
def test_chromium_renders_and_plays_it(workspace, page, tmp_path, width):
    with chromium(tmp_path / "profile") as tab:
        tab.open(workspace.path("report", "report.html"), width=width)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth && innerWidth") == width
        assert tab.evaluate("typeof window.hacked") == "undefined"
        tab.evaluate("document.querySelector('.with-video .play').click()")
        tab.evaluate("new Promise(r => setTimeout(r, 1500))")
        assert tab.evaluate("document.querySelector('.with-video video').currentTime") > 0
        assert tab.problems == []
