"""Lists as programs and people write them: quotes, line ends, encodings, Windows, and what is no list (SPEC D1-D3)."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data_contracts import Clip, UsageError, read_table
from tasks.corpus.config import CorpusConfig
from tasks.engine import read_quarantine, run_stage
from tasks.engine.workspace import Workspace
from tasks.ingest.config import IngestConfig
from tasks.ingest.listing import list_recordings
from tasks.ingest.readers.files import (
    array_entries,
    base_name,
    dicts_of,
    files_by_name,
    ids_in,
    json_of,
    lists_in,
    rows_of,
    seconds,
)
from tasks.ingest.recordings import Recording
from tasks.ingest.stage import IngestStage
from tests.tasks.sounds import tone, write_wav

HEADER = {
    "table": "id,audio,caption\n",
    "audiocaps": "audiocap_id,youtube_id,start_time,caption\n",
    "clotho": "file_name,caption_1,caption_2,caption_3,caption_4,caption_5\n",
    "greatest_hits": "filename,start_time,occurring_time,end_time,material,action_type,effect\n",
}
CAFE = "Rain on a café's roof, loudly"


def listed(path: Path, kind: str = "table", **settings: Any) -> list[Recording]:
    config = CorpusConfig(kind=kind, path=str(path), **settings)  # type: ignore[arg-type]
    return list(list_recordings(IngestConfig(corpus=config), "1").recordings)


def captions(path: Path, kind: str = "table", **settings: Any) -> list[str]:
    return [recording.caption for recording in listed(path, kind, **settings)]


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff"), max_size=30)


@given(
    rows=st.lists(st.tuples(CELLS, CELLS.filter(str.strip)), min_size=1, max_size=4),
    ending=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_a_program_writes_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], ending: str, encoding: str, quoting: Any
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=ending, quoting=quoting).writerows([("one", "two"), *rows])
    path = tmp_path_factory.mktemp("list") / "list.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    assert [(row["one"], row["two"]) for row in dicts_of(path, ("one", "two"))] == rows


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_embedded_newlines_quoted_commas_and_all_line_ends(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "test.csv"
    path.write_text(
        f'id,audio,caption{ending}a,a.wav,"A dog,{ending}far ""away"""{ending}{ending}b,b.wav,Rain', "utf-8", newline=""
    )
    assert captions(path) == [f'A dog,{ending}far "away"', "Rain"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("kind", ["table", "audiocaps", "clotho", "vggsound", "wavcaps"])
def test_encodings_that_say_their_name_are_read(tmp_path: Path, kind: str, encoding: str) -> None:
    rows = {
        "table": HEADER["table"] + f'a,a.wav,"{CAFE}"\n',
        "audiocaps": HEADER["audiocaps"] + f'7,yt,30,"{CAFE}"\n',
        "clotho": HEADER["clotho"] + f'a.wav,"{CAFE}",,,,\n',
        "vggsound": f'abc,30,"{CAFE}",train\n',
        "wavcaps": json.dumps({"data": [{"id": "1", "caption": CAFE}]}, ensure_ascii=False),
    }
    path = tmp_path / ("test.json" if kind == "wavcaps" else "test.csv")
    path.write_bytes(rows[kind].encode(encoding))
    assert captions(path, kind) == [CAFE]


@pytest.mark.parametrize("kind", ["table", "audiocaps", "wavcaps"])
def test_utf_16_without_a_mark_is_one_line_and_can_be_named(tmp_path: Path, kind: str) -> None:
    text = (
        HEADER.get(kind, "") + "a,yt,30,A dog\n" if kind != "wavcaps" else '{"data": [{"id": "1", "caption": "A dog"}]}'
    )
    text = HEADER["table"] + "a,a.wav,A dog\n" if kind == "table" else text
    path = tmp_path / ("l.json" if kind == "wavcaps" else "l.csv")
    path.write_bytes(text.encode("utf-16-le"))
    with pytest.raises(UsageError, match="looks like UTF-16 or UTF-32 without a byte order mark") as caught:
        listed(path, kind)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert captions(path, kind, encoding="utf-16-le") == ["A dog"]


def test_latin_1_costs_its_rows_only_and_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes((HEADER["table"] + f'a,a.wav,A dog\nb,b.wav,"{CAFE}"\n').encode("latin-1"))
    for name in "ab":
        write_wav(tmp_path / f"{name}.wav", tone(1))

    def run(root: Path, **settings: Any) -> tuple[list[str], list[tuple[str, str]]]:
        workspace = Workspace(root)
        config = IngestConfig(corpus=CorpusConfig(kind="table", path=str(path), **settings))
        run_stage(IngestStage(config, "1"), workspace)
        kept = [clip.caption for clip in read_table(workspace.table("ingest", "clips"), Clip)]
        return kept, [(q.reason, q.message) for q in read_quarantine(workspace)]

    kept, failures = run(tmp_path / "w")
    assert kept == ["A dog"] and [reason for reason, _ in failures] == ["invalid_caption"]
    assert "not valid text in its list's encoding" in failures[0][1]
    assert run(tmp_path / "v", encoding="latin-1") == (["A dog", CAFE], [])


@pytest.mark.parametrize("name", ["latin-one", "hex", ""])
def test_an_unknown_encoding_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="no text encoding"):
        CorpusConfig(encoding=name)


@pytest.mark.parametrize("kind", sorted(HEADER))
def test_empty_lists_and_missing_columns_are_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "list.csv"
    column = HEADER[kind].strip().split(",")[2 if kind == "table" else 0]
    cases = {
        "": f"column '{column}' is missing",
        HEADER[kind].replace(column, "other"): f"column '{column}' is missing",
        HEADER[kind]: "no rec|no rows",
        HEADER[kind].replace(column, f"{column},{column}"): f"column '{column}' appears twice",
    }
    for text, problem in cases.items():
        path.write_text(text)
        with pytest.raises(UsageError, match=problem) as caught:
            listed(path, kind)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", '{"data": []}'])
def test_an_empty_json_list_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "l.json").write_text(text)
    with pytest.raises(UsageError, match=r"l\.json"):
        listed(tmp_path / "l.json", "wavcaps")


def test_an_empty_vggsound_list_is_one_line(tmp_path: Path) -> None:
    for text in ("", "id,start,label,split\n", "\n \n"):
        (tmp_path / "l.csv").write_text(text)
        with pytest.raises(UsageError, match="lists no recording"):
            listed(tmp_path / "l.csv", "vggsound")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("b,b.wav,A dog, far away\n", r"a row has 4 cells, the header 3: 'b,b.wav,A dog, far away'"),
        ('b,b.wav,"A dog\nc,c.wav,Rain\n', r"from line 3 on"),
        ('b,b.wav,"A" dog\nc,c.wav,Rain\n', r"from line 3 on"),
    ],
)
def test_a_row_that_cannot_be_told_apart_is_named(tmp_path: Path, row: str, problem: str) -> None:
    """Read by guess, half a caption or half of the list would be lost without a word."""
    path = tmp_path / "t.csv"
    path.write_text(HEADER["table"] + "a,a.wav,Rain\n" + row)
    with pytest.raises(UsageError, match=problem):
        listed(path)


def test_short_rows_and_columns_of_no_use_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("note, caption ,mood,audio,id\nx,A dog,glad,a.wav,a\ny,Rain,,b.wav\n")
    first, second = listed(path)
    assert (first.item_id, first.caption, first.audio) == ("a", "A dog", "a.wav")
    assert (second.caption, second.audio) == ("Rain", "b.wav") and second.item_id.startswith("b-")
    (tmp_path / "val.csv").write_text("mood," + HEADER["audiocaps"] + "glad,7,yt,30,A dog\n")
    (third,) = listed(tmp_path / "val.csv", "audiocaps")
    assert (third.item_id, third.caption, third.split) == ("audiocaps.7", "A dog", "val")


def test_paths_of_windows_are_found_and_lead_nowhere_else(tmp_path: Path) -> None:
    write_wav(tmp_path / "t" / "far" / "a.wav", tone(1))
    write_wav(tmp_path / "secret.wav", tone(1))
    names = [r"far\a.wav", r"C:\sounds\a.wav", r"..\secret.wav"]
    rows = "".join(f"{n},{name},A dog\n" for n, name in enumerate(names))
    path = tmp_path / "t" / "t.csv"
    path.write_text(HEADER["table"] + rows)
    assert [(r.audio, r.missing) for r in listed(path)][:2] == [("far/a.wav", False), (names[1], True)]
    two = IngestConfig(corpora=(CorpusConfig(kind="table", path=str(path)),))
    run_stage(IngestStage(two, "1"), Workspace(tmp_path / "w"))
    clips = read_table(tmp_path / "w" / "ingest" / "clips.parquet", Clip)
    assert [clip.source_path for clip in clips] == ["far/a.wav"]
    assert {q.reason for q in read_quarantine(Workspace(tmp_path / "w"))} == {"missing_file"}


def test_ids_that_only_case_tells_apart_do_not_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER["table"] + "Dog,a.wav,A dog\ndog,b.wav,A hound\nDOG,c.wav,A wolf\ndog-2,d.wav,A fox\n")
    for found in (listed(path), listed(path, name="n", test_ids=str(path))):
        names = [recording.item_id for recording in found]
        assert len({name.casefold() for name in names}) == 4 and names[0] in ("Dog", "n.Dog")


def test_repeated_ids_are_numbered_in_corpora_and_refused_in_a_table(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    path.write_text(HEADER["audiocaps"] + "7,yt,30,A dog\n7,yt,30,A hound\n")
    assert [r.item_id for r in listed(path, "audiocaps")] == ["audiocaps.7", "audiocaps.7-2"]
    path.write_text(HEADER["table"] + "x,a.wav,A dog\nx,a.wav,A hound\n")
    config = IngestConfig(corpus=CorpusConfig(kind="table", path=str(path)))
    with pytest.raises(UsageError, match="'x' repeats"):
        run_stage(IngestStage(config, "1"), Workspace(tmp_path / "w"))


def test_clotho_has_an_item_per_caption_and_one_group_per_recording(tmp_path: Path) -> None:
    sentences = ["A machine whines, loudly", "Someone trims a bush", "", "A pump", "Steps"]
    text = io.StringIO()
    csv.writer(text).writerow(["Santa Motor.wav", *sentences])
    (tmp_path / "val.csv").write_text(HEADER["clotho"] + text.getvalue())
    write_wav(tmp_path / "m" / "Santa Motor.wav", tone(17))
    found = listed(tmp_path / "val.csv", "clotho", media=str(tmp_path / "m"))
    assert [r.caption for r in found] == [sentence for sentence in sentences if sentence]
    assert {(r.audio, r.group, r.split, r.missing) for r in found} == {
        ("Santa Motor.wav", "clotho-Santa Motor.wav", "val", False)
    }
    config = CorpusConfig(kind="clotho", path=str(tmp_path / "val.csv"), media=str(tmp_path / "m"))
    run_stage(IngestStage(IngestConfig(corpus=config), "1"), Workspace(tmp_path / "w"))
    assert len(read_table(tmp_path / "w" / "ingest" / "clips.parquet", Clip)) == 4 * 2  # SPEC D3: two portions each


def test_v_auras_list_of_vggsound(tmp_path: Path) -> None:
    path = tmp_path / "visualsound.csv"
    path.write_text('filename,start,desc,split\n--56QUhyDQM,185,playing tennis,train\nab_000012,40,"bird, far",test\n')
    assert [(r.video, r.caption, r.split, r.group) for r in listed(path, "vggsound")] == [
        ("--56QUhyDQM_000185.mp4", "playing tennis", "train", "youtube---56QUhyDQM"),
        ("ab_000012_000040.mp4", "bird, far", "test", "youtube-ab_000012"),
    ]


def test_ids_as_windows_shells_write_them(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes("yt1\r\nyt2\r\n".encode("utf-16"))
    assert ids_in(str(path)) == {"yt1", "yt2"}


def test_a_json_list_is_read_with_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    entries = [{"id": 1, "caption": "a caf\u00e9 \U0001f50a"}, 7, None, {"id": "2.5", "duration": 1.5, "data": [1]}]
    path.write_text("\ufeff" + json.dumps({"other": {"data": [9]}, "data": entries}, ensure_ascii=False), "utf-8")
    assert list(array_entries(path, "data")) == entries
    path.write_bytes(b'{"data": [{"caption": "a \xff dog"}]}')
    assert list(array_entries(path, "data")) == [{"caption": "a \ufffd dog"}]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be read as JSON"),
        ("nope", "cannot be read as JSON"),
        ('{"data": [1, ', "cannot be read as JSON"),
        ("[1, 2]", 'an array "data"'),
        ('{"data": {"a": 1}}', 'an array "data"'),
        ('{"Data": []}', 'an array "data"'),
    ],
)
def test_what_is_no_such_list_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=problem) as caught:
        list(array_entries(path, "data"))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_files_are_known_by_name_the_first_path_in_order_counts_and_links_are_not_followed(tmp_path: Path) -> None:
    for name in ("b/x.wav", "a/x.wav", "y.wav", "a/deep/z.wav"):
        (tmp_path / "m" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "m" / name).touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.wav").touch()
    (tmp_path / "m" / "link").symlink_to(tmp_path / "outside")
    found = files_by_name(tmp_path / "m")
    assert {name: found[name] for name in ("x.wav", "y.wav", "z.wav")} == {
        "x.wav": "a/x.wav", "y.wav": "y.wav", "z.wav": "a/deep/z.wav",
    }  # fmt: skip
    assert "secret.wav" not in found
    with pytest.raises(UsageError, match=r"does not exist; set ingest\.corpus\.media"):
        files_by_name(tmp_path / "no")


@pytest.mark.parametrize("name", ["a.wav", "x/a.wav", "x\\a.wav", "C:\\x\\a.wav", "/x/y/a.wav", "../a.wav"])
def test_a_base_name_is_the_last_part_however_the_path_is_written(name: str) -> None:
    assert base_name(name) == "a.wav"


def test_the_lists_of_a_folder_are_those_with_the_right_suffix_in_order(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in lists_in(tmp_path, (".csv",))] == ["a.csv", "b.csv"]
    assert lists_in(tmp_path / "c.txt", (".csv",)) == [tmp_path / "c.txt"]
    for path in (tmp_path / "no", tmp_path):
        with pytest.raises(UsageError, match="no list found"):
            lists_in(path, (".json",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30", 30),
        ("30.0", 30),
        ("0", 0),
        ("30.5", None),
        ("-1", None),
        ("1e9", None),
        ("x", None),
        ("", None),
        ("nan", None),
    ],
)
def test_whole_seconds_are_read_and_anything_else_is_not(text: str, expected: int | None) -> None:
    assert seconds(text) == expected


@given(st.integers(0, 999_999))
def test_seconds_come_back_from_both_ways_of_writing_them(value: int) -> None:
    assert seconds(str(value)) == seconds(f"{value}.0") == seconds(f"{value:06d}") == value


def test_ids_are_the_lines_of_a_text_or_the_first_column_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(" x \n\ny\n")
    (tmp_path / "a.csv").write_text("x,1\ny,2\n")
    assert ids_in(str(tmp_path / "a.txt")) == ids_in(str(tmp_path / "a.csv")) == {"x", "y"}
    assert ids_in(None) == frozenset()
    with pytest.raises(UsageError, match=r"ingest\.corpus\.test_ids: .*no\.txt cannot be read"):
        ids_in(str(tmp_path / "no.txt"))


def test_a_list_or_json_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no\.csv cannot be read"):
        list(rows_of(tmp_path / "no.csv"))
    (tmp_path / "a.json").write_text("{")
    for name in ("no.json", "a.json"):
        with pytest.raises(UsageError, match=rf"{name} cannot be read as JSON"):
            json_of(tmp_path / name)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accented_names_are_found_however_their_letters_are_composed(tmp_path: Path, form: str) -> None:
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    name, listed_name = (unicodedata.normalize(kind, "Café.wav") for kind in (form, other))
    write_wav(tmp_path / name, tone(1))
    assert files_by_name(tmp_path)[listed_name] == name and listed_name in files_by_name(tmp_path)
    (tmp_path / "t.csv").write_text(HEADER["table"] + f"a,{listed_name},A dog\n")
    assert [(r.audio, r.missing) for r in listed(tmp_path / "t.csv")] == [(name, False)]
