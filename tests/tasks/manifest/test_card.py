"""The dataset card counts what is there and shows text from outside as text."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from data_contracts import ManifestRow, Quarantine, write_table
from tasks.engine.workspace import Workspace
from tasks.manifest.card import CARD, dataset_card, escape_markdown, write_dataset_card
from tests.tasks.manifest.build import build, rows_of, run

RENDERER = MarkdownIt("commonmark").enable("table")
HOSTILE = (
    "A <script>alert(1)</script> | [dog](http://x) `barks`\n# loud",
    "![x](javascript:alert(1)) <img src=x onerror=alert(1)>",
    "&copy; &#60;b&#62; &lt;i&gt; **bold** __strong__ ~~gone~~",
    "a \\| b \\\\| c | d\n| --- | --- |\n| e | f |",
    "<!-- comment --> ``` $(touch x) ``` --- +++ > quote",
    "see https://example.org/a_b_c and www.example.org/*",
    "\u2028\u2029\x85\x0b\x0c- item\r\n1) first",
)


def shown(cell: str) -> str:
    """Returns the text that a table cell of Markdown shows, and checks that it has no markup and is one cell."""
    rendered = RENDERER.render(f"| A | B |\n| --- | --- |\n| {cell} | after |\n")
    cells = re.findall(r"<td>(.*?)</td>", rendered, re.DOTALL)
    assert len(cells) == 2 and cells[1] == "after", rendered
    assert "<" not in cells[0] and ">" not in cells[0]
    return html.unescape(cells[0])


def visible(text: str) -> str:
    """Returns the text on one line, without control characters and changes of direction."""
    line = re.sub("[\u202a-\u202e\u2066-\u2069]", "", " ".join(text.split()))
    return "".join(c for c in line if unicodedata.category(c) != "Cc")


@settings(max_examples=60)
@given(st.text(max_size=60) | st.text(alphabet="\\|`*_[]()<>&#!-+~:/w. \n", max_size=30))
@example(HOSTILE[0])
@example(HOSTILE[1])
@example(HOSTILE[2])
@example(HOSTILE[3])
@example(HOSTILE[4])
@example(HOSTILE[5])
@example(HOSTILE[6])
def test_a_renderer_shows_escaped_text_as_it_was(text: str) -> None:
    assert shown(escape_markdown(text)) == visible(text).strip()


@given(st.text())
@settings(max_examples=60)
def test_escaped_text_is_one_line_without_tags(text: str) -> None:
    escaped = escape_markdown(text)
    assert "<" not in escaped and ">" not in escaped and len(escaped.splitlines()) <= 1
    assert "|" not in escaped.replace("\\\\", "").replace("\\|", "")


def test_addresses_do_not_become_links() -> None:
    """Some renderers make a link of any text that looks like an address."""
    escaped = escape_markdown("https://example.org ftp://x www.example.org")
    assert "://" not in escaped and "www." not in escaped
    assert shown(escaped) == "https://example.org ftp://x www.example.org"


def test_control_characters_and_changes_of_direction_are_left_out() -> None:
    assert escape_markdown("a\x1b]0;title\x07b \u202egnp.exe\u202c c\x00") == "a\\]0;titleb gnp.exe c"
    assert escape_markdown("naïve 🐶👨\u200d👩 שלום") == "naïve 🐶👨\u200d👩 שלום"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_captions_ids_and_licences_change_nothing_but_their_cells(tmp_path: Path, hostile: str) -> None:
    plain = rows_of(caption="A dog barks", licence="CC0-1.0", item_id="clip")
    odd = rows_of(caption=hostile, licence=hostile, item_id=hostile)
    cards = [RENDERER.render(dataset_card(Workspace(tmp_path), rows)) for rows in (plain, odd)]
    tags = [re.findall(r"</?[a-z][^>]*>", card) for card in cards]
    assert tags[0] == tags[1]
    assert visible(hostile).strip() in html.unescape(cards[1])


def test_the_card_counts_rows_hours_licences_and_quarantine(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    run(workspace)
    broken = [Quarantine(stage="ingest", item_id=f"x{n}", reason="empty_file", message="0 bytes") for n in range(2)]
    write_table(workspace.table("ingest", "quarantine"), Quarantine, broken)
    text = write_dataset_card(workspace).read_text("utf-8")
    assert text.startswith("# Dataset card\n\n29 rows, 3.87 min of audio, from 9 clips.")
    assert "| aa (adverb-augmented) | 20 (2.67 min) | 0 (0 s) | 0 (0 s) |" in text
    assert "| test | CC0\\-1.0 | 29 | 3.87 min |" in text and "| ingest | empty\\_file | 2 | unknown |" in text


def test_counts_of_every_table_add_up_to_the_rows(tmp_path: Path) -> None:
    rows = run(build(tmp_path, per_side=3))
    text = dataset_card(Workspace(tmp_path), rows)

    def total(heading: str, column: int) -> int:
        lines = text.split(f"## {heading}\n\n")[1].split("\n\n")[0].splitlines()[2:]
        return sum(int(line.split(" | ")[column].strip(" |").split()[0]) for line in lines)

    assert sum(total("Rows and durations per subset and split", column) for column in (1, 2, 3)) == len(rows)
    assert total("Sources and licences", 2) == len(rows)
    assert total("Who wrote the captions", 1) == len(rows)
    assert total("Augmented rows per level", 1) == sum(row.subset == "aa" for row in rows)


def test_the_share_of_what_was_left_out_is_of_the_items_of_its_stage(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    rows = run(workspace)
    failure = Quarantine(stage="manifest", item_id="x", reason="silent", message="no sound")
    write_table(workspace.table("manifest", "quarantine"), Quarantine, [failure])
    assert "| manifest | silent | 1 | 3.4% of 29 |" in dataset_card(workspace, rows)


def test_a_part_of_the_rows_has_a_card_of_its_own(tmp_path: Path) -> None:
    rows = [row for row in run(build(tmp_path)) if row.subset == "tta"]
    text = dataset_card(Workspace(tmp_path), rows)
    assert text.startswith("# Dataset card\n\n8 rows,") and "| vta (video to audio) | 0 (0 s) |" in text
    assert "None." in text  # no augmented rows, so no levels


def test_an_empty_manifest_has_a_card(tmp_path: Path) -> None:
    text = dataset_card(Workspace(tmp_path), [])
    assert "0 rows, 0 s of audio, from 0 clips." in text
    assert "Nothing: no item was quarantined." in text


def test_examples_are_the_same_whatever_the_order_of_the_rows(tmp_path: Path) -> None:
    rows = run(build(tmp_path))
    first, second = (dataset_card(Workspace(tmp_path), part).split("## Examples")[1] for part in (rows, rows[::-1]))
    assert first == second and 3 <= first.count("\n| aa |") <= 3


def test_the_stage_writes_the_card_beside_its_table(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    rows = run(workspace)
    written = workspace.path("manifest", CARD).read_text("utf-8")
    assert written == dataset_card(workspace, rows)
    assert not list(workspace.stage("manifest").glob(".tmp*"))


def test_rows_of_a_source_without_a_name_are_counted_as_unknown(tmp_path: Path) -> None:
    (row,) = rows_of(caption="A dog barks", licence="CC0-1.0", item_id="a")
    nameless = ManifestRow.from_dict({**row.to_dict(), "lineage_json": json.dumps({})})
    assert "| unknown | CC0\\-1.0 | 1 |" in dataset_card(Workspace(tmp_path), [nameless])
