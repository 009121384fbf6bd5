"""The dataset card counts what is there and shows foreign text as text."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from data_contracts import Quarantine, write_table
from tasks.manifest.card import escape_markdown, write_dataset_card
from tests.tasks.manifest.build import build, run


def test_the_card_counts_rows_hours_licences_and_quarantine(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    run(workspace)
    broken = [Quarantine(stage="ingest", item_id=f"x{n}", reason="empty_file", message="0 bytes") for n in range(2)]
    write_table(workspace.table("ingest", "quarantine"), Quarantine, broken)
    text = write_dataset_card(workspace).read_text("utf-8")
    assert text.startswith("# Dataset card\n\n29 rows, 0.06 hours of audio, from 9 clips.")
    assert "| aa (adverb-augmented) | 20 (0.04 h) | 0 (0.00 h) | 0 (0.00 h) |" in text
    assert "| test | CC0\\-1.0 | 29 | 0.06 |" in text and "| ingest | empty\\_file | 2 | unknown |" in text


def test_hostile_captions_stay_text(tmp_path: Path) -> None:
    hostile = "A <script>alert(1)</script> | [dog](http://x) `barks`\n# loud"
    workspace = build(tmp_path, caption=hostile)
    run(workspace)
    text = write_dataset_card(workspace).read_text("utf-8")
    assert "<script>" not in text and "](http" not in text and "\n# loud" not in text


@given(st.text())
def test_escaped_text_is_one_line_without_markup(text: str) -> None:
    shown = escape_markdown(text)
    assert "<" not in shown and ">" not in shown and len(shown.splitlines()) <= 1
    assert "|" not in shown.replace("\\|", "")
