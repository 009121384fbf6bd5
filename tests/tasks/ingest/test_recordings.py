"""A table of one's own: ids, groups, splits, captions, and errors that name the column."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import ItemError, UsageError
from tasks.engine.workspace import Workspace
from tasks.ingest.recordings import Recording, clean_caption, file_identity, read_recordings, split_of


def read(tmp_path: Path, rows: list[dict[str, object]], suffix: str = ".csv") -> list[Recording]:
    table = tmp_path / f"t{suffix}"
    frame = pd.DataFrame(rows)
    frame.to_parquet(table) if suffix == ".parquet" else frame.to_csv(table, index=False)
    return list(read_recordings(table, val_share=0.1, test_share=0.2, version="1"))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_are_read_from_csv_and_parquet(tmp_path: Path, suffix: str) -> None:
    rows = [
        {"audio": "a.wav", "caption": "A dog, barking", "video": None, "split": "validation", "group": "g", "id": "x"},
        {"audio": None, "caption": "NA", "video": "b.mp4", "split": None, "group": None, "id": None},
    ]
    first, second = read(tmp_path, rows, suffix)
    assert (first.item_id, first.split, first.group, first.video, first.licence) == ("x", "val", "g", "", "unstated")
    assert (second.audio, second.video, second.caption, second.group) == ("", "b.mp4", "NA", "b.mp4")
    assert second.item_id.startswith("b-") and second.split in ("train", "val", "test")


@pytest.mark.parametrize(("columns", "named"), [(["audio"], "caption"), (["caption"], "audio")])
def test_a_missing_column_is_named(tmp_path: Path, columns: list[str], named: str) -> None:
    with pytest.raises(UsageError, match=f"column '{named}' is missing"):
        read(tmp_path, [dict.fromkeys(columns, "x")])


def test_unusable_tables_are_usage_errors(tmp_path: Path) -> None:
    (tmp_path / "binary.parquet").write_bytes(b"\x00" * 100)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "rows.csv").write_text("audio,caption\n")
    (tmp_path / "t.xlsx").write_text("x")
    for name in ("binary.parquet", "empty.csv", "rows.csv", "t.xlsx", "no.csv"):
        with pytest.raises(UsageError, match=name):
            list(read_recordings(tmp_path / name, val_share=0.1, test_share=0.1, version="1"))


HOSTILE = [
    "../../etc/passwd",
    "/etc/passwd",
    "a/../../b",
    "..",
    ".",
    "",
    "x" * 500,
    "a\x00b",
    "$(rm -rf ~)",
    "C:\\x",
    "–",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_ids_stay_inside_the_workspace(tmp_path: Path, hostile: str) -> None:
    table = tmp_path / "t.parquet"
    pd.DataFrame([{"audio": "a.wav", "caption": "c", "id": hostile}]).to_parquet(table)
    (recording,) = read_recordings(table, val_share=0.1, test_share=0.2, version="1")
    name = f"{recording.item_id}.flac"
    assert Workspace(tmp_path).path("ingest", "audio", name).parent == (tmp_path / "ingest" / "audio").resolve()
    assert "/" not in name and len(name) < 100


def test_rows_without_ids_get_different_ones(tmp_path: Path) -> None:
    rows = [{"audio": "a.wav", "caption": c} for c in ("one", "two", "two", "two")]
    assert len({r.item_id for r in read(tmp_path, rows)}) == 4


def test_one_group_is_on_one_side(tmp_path: Path) -> None:
    rows = [{"audio": f"{n}.wav", "caption": "c", "group": f"g{n % 40}"} for n in range(200)]
    sides: dict[str, set[str]] = {}
    for recording in read(tmp_path, rows):
        sides.setdefault(recording.group, set()).add(recording.split)
    assert all(len(found) == 1 for found in sides.values())


def test_a_group_follows_its_stated_split_and_a_contradiction_is_marked(tmp_path: Path) -> None:
    rows = [
        {"audio": "1.wav", "caption": "c", "group": "a", "split": "test"},
        {"audio": "2.wav", "caption": "c", "group": "a", "split": ""},
        {"audio": "3.wav", "caption": "c", "group": "b", "split": "train"},
        {"audio": "4.wav", "caption": "c", "group": "b", "split": "test"},
    ]
    assert [r.split for r in read(tmp_path, rows)] == ["test", "test", "conflict", "conflict"]


def test_shares_are_kept_by_the_hash() -> None:
    counts = Counter(split_of(f"g{n}", val_share=0.1, test_share=0.2, version="1") for n in range(5000))
    assert counts["test"] / 5000 == pytest.approx(0.2, abs=0.03)
    assert counts["val"] / 5000 == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("bad", ["", "  \n ", "12345", "?!...", "\x00\x01", "caf� noise", "x" * 1001])
def test_invalid_captions_are_refused(bad: str) -> None:
    with pytest.raises(ItemError) as caught:
        clean_caption(bad)
    assert caught.value.reason == "invalid_caption"


@given(st.text(max_size=200))
def test_a_clean_caption_is_one_line_and_stays_clean(text: str) -> None:
    try:
        caption = clean_caption(text)
    except ItemError:
        return
    assert caption == clean_caption(caption) and "\n" not in caption


def test_file_identity_follows_the_content_not_the_clock(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 50_000)
    before = file_identity(path)
    path.touch()
    assert file_identity(path) == before
    path.write_bytes(b"x" * 25_000 + b"y" + b"x" * 24_999)
    assert file_identity(path) != before
    assert file_identity(tmp_path / "no") == "absent" == file_identity(tmp_path / "a\x00b")


PLAIN = Recording(item_id="a", audio="a.wav", video="", caption="A dog", group="g", split="train", licence="CC0-1.0")


def test_a_payload_has_what_the_result_depends_on_and_no_more(tmp_path: Path) -> None:
    """So that reading a list with a new version, or finding a file elsewhere, makes nothing again."""
    plain = PLAIN.payload(tmp_path, lambda path: path.name)
    assert plain["audio_identity"] == "a.wav" and plain["video_identity"] == ""
    assert not {"missing", "source_id", "row", "portions", "events"} & set(plain)
    assert replace(PLAIN, missing=True, source_id="x").payload(tmp_path, lambda path: path.name) == plain


@pytest.mark.parametrize(
    "change", [{"caption": "A cat"}, {"split": "test"}, {"portions": 1}, {"row": 0}, {"filtered": True}]
)
def test_a_payload_changes_with_everything_that_the_result_depends_on(tmp_path: Path, change: dict[str, Any]) -> None:
    assert replace(PLAIN, **change).payload(tmp_path) != PLAIN.payload(tmp_path)


def test_a_payload_changes_with_the_content_of_a_file(tmp_path: Path) -> None:
    absent = PLAIN.payload(tmp_path)
    (tmp_path / "a.wav").write_bytes(b"x")
    present = PLAIN.payload(tmp_path)
    (tmp_path / "a.wav").write_bytes(b"y")
    assert len({str(payload) for payload in (absent, present, PLAIN.payload(tmp_path))}) == 3


def test_a_list_of_captions_gives_an_item_per_caption_and_one_group(tmp_path: Path) -> None:
    rows = [
        {"id": "x", "audio": "a.wav", "caption": ["A dog", "A hound"]},
        {"id": "y", "audio": "b.wav", "caption": ["Rain"]},
        {"id": "z", "audio": "c.wav", "caption": []},
    ]
    found = read(tmp_path, rows, ".parquet")
    assert [(r.item_id, r.caption) for r in found] == [("x-1", "A dog"), ("x-2", "A hound"), ("y", "Rain"), ("z", "")]
    assert found[0].group == found[1].group and found[0].split == found[1].split


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("caption", {"text": "A dog"}),
        ("caption", pd.Timestamp("2026-01-01")),
        ("caption", 7),
        ("audio", {"bytes": b"RIFF", "path": "a.wav", "more": 1}),
        ("audio", {"bytes": "text", "path": "a.wav"}),
        ("video", {"bytes": b"ftyp", "path": "a.mp4"}),
        ("audio", ["a.wav"]),
        ("split", True),
    ],
)
def test_a_known_column_that_is_not_text_is_refused_by_its_name_and_type(
    tmp_path: Path, name: str, cell: object
) -> None:
    with pytest.raises(UsageError, match=rf"column '{name}' has cells of type .*; expected text"):
        read(tmp_path, [{"audio": "a.wav", "caption": "A dog", **{name: cell}}], ".parquet")


def test_numbers_may_be_ids_and_other_columns_may_be_anything(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"id": [7], "audio": ["a.wav"], "caption": ["A dog"], "tags": [["x", "y"]], "licence": ["CC0"]}
    )
    frame["split"] = pd.Categorical(["train"])
    frame.to_parquet(tmp_path / "t.parquet")
    (found,) = read_recordings(tmp_path / "t.parquet", val_share=0.1, test_share=0.1, version="1")
    assert (found.item_id, found.split, found.licence) == ("7", "train", "CC0")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("columns", "named"), [(("wav", "caption"), "wav"), (("audio", "captoin"), "captoin"), (("audio", "text"), "text")]
)
def test_a_missing_column_names_the_one_that_may_be_meant(
    tmp_path: Path, suffix: str, columns: tuple[str, str], named: str
) -> None:
    with pytest.raises(UsageError, match=f"is missing; .*rename '{named}' if it is meant"):
        read(tmp_path, [dict.fromkeys(columns, "x")], suffix)


def test_a_file_with_semicolons_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("audio;caption\na.wav;A dog, far away\n")
    (found,) = read_recordings(tmp_path / "t.csv", val_share=0.1, test_share=0.1, version="1")
    assert (found.audio, found.caption) == ("a.wav", "A dog, far away")


@given(st.text(max_size=40))
def test_every_control_character_and_surrogate_becomes_a_space(text: str) -> None:
    expected = " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text).split())
    try:
        assert clean_caption(text) == expected
    except ItemError:
        assert "\ufffd" in expected or not any(c.isalpha() for c in expected)
