"""Tables with small test sets and fake judges: what is computed, what is said, what is refused (SPEC E3)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_contracts import FoleyGenExError, UsageError
from tasks.commands.paper_tables.composing import NOT_NAMED
from tasks.commands.paper_tables.job import make_table
from tasks.evaluate.columns import Column
from tasks.evaluate.paper_tables.layout import NUMBERS, paper_table
from tasks.evaluate.paper_tables.lists import read_list
from tasks.evaluate.paper_tables.result import TableCell, TableResult, read_table_result
from tasks.media.arrays import write_exact_audio
from tasks.media.audio import decode_audio
from tests.tasks.commands.paper_tables.conftest import NAMES, config, sounds, workspace, write_sounds, write_videos
from tests.tasks.evaluate.fake_judges import FakeJudge

FILES = {"reference": "truth", "captions": "captions.csv"}
Judges = dict[str, FakeJudge]


def make(folder: Path, table: int, **changes: Any) -> TableResult:
    return make_table(config(folder, table, **changes), workspace(folder))


def cells(table: TableResult, head: str) -> dict[str, TableCell]:
    row = next(row for row in table.rows if row.head == head)
    return {column.name: cell for column, cell in zip(table.heads, row.cells, strict=True)}


def ours(table: TableResult, head: str) -> dict[str, str | None]:
    return {name: cell.ours for name, cell in cells(table, head).items()}


def says(table: TableResult, text: str) -> bool:
    return any(text in line for line in table.lines)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_table_without_systems_has_the_papers_numbers_and_says_why_no_others(tmp_path: Path, number: int) -> None:
    table = make(tmp_path, number)
    expected = [row.values for row in paper_table(number).rows]
    assert [tuple(cell.paper for cell in row.cells) for row in table.rows] == expected
    assert [head.name for head in table.heads] == [column.name for column in paper_table(number).columns]
    assert not any(cell.ours for row in table.rows for cell in row.cells)
    assert says(table, NOT_NAMED)


def test_table_1_is_computed_beside_the_papers_numbers(test_set: Path, judges: Judges) -> None:
    table = make(test_set, 1, systems={"MMAudio": "bad", "FoleyGenEx (Ours)": "good"}, test_set=FILES)
    good, bad = cells(table, "FoleyGenEx (Ours)"), cells(table, "MMAudio [13]")
    assert good["FD_VGG"].paper == "2.61"
    assert good["FD_VGG"].is_best
    assert not bad["FD_VGG"].is_best
    assert good["FD_VGG"].measured is not None
    assert good["FD_VGG"].measured.n == len(NAMES)
    assert good["FD_VGG"].measured.weights_sha256 == "v" * 64
    assert all(cell.ours for cell in (*good.values(), *bad.values()))
    assert cells(table, "GenAU-Large [25]")["IS"].measured is None
    assert says(table, "ours: n = 11 clips; the paper's: 964, so they are not comparable")
    assert says(table, "no list is named: all clips of evaluate.test_set.reference")


def test_files_of_a_table_are_written_and_a_rerun_gives_the_same_bytes(test_set: Path, judges: Judges) -> None:
    asked = {"systems": {"FoleyGenEx": "good"}, "test_set": FILES}
    table = make(test_set, 1, **asked)
    files = {path.name: path.read_bytes() for path in sorted((test_set / "workspace" / "tables").glob("table-1.*"))}
    assert list(files) == ["table-1.json", "table-1.md", "table-1.tex"]
    assert read_table_result(test_set / "workspace" / "tables" / "table-1.json") == table
    heard = {name: list(judge.heard) for name, judge in judges.items()}
    assert make(test_set, 1, **asked) == table
    assert {name: (test_set / "workspace" / "tables" / name).read_bytes() for name in files} == files
    assert {name: judge.heard for name, judge in judges.items()} == heard, "the second run asks no judge"


def test_only_the_tables_own_judges_are_asked(test_set: Path, judges: Judges) -> None:
    make(test_set, 6, systems={"FoleyGenEx + AA": "good"}, test_set=FILES)
    asked = {name for name, judge in judges.items() if judge.heard}
    assert asked == {"vggish", "panns", "passt", "laion-clap"}


def test_a_judge_without_weights_leaves_its_columns_empty_with_licence_and_command(test_set: Path) -> None:
    table = make(test_set, 1, systems={"FoleyGenEx": "good"}, test_set=FILES)
    assert ours(table, "FoleyGenEx (Ours)") == {"FD_VGG": None, "IS": None, "CLAP_T": None}
    assert says(
        table, "FD_VGG: not computed: vggish weights absent; licence Apache-2.0; foleygenex weights fetch vggish"
    )


def test_a_system_of_ones_own_gets_a_row_below(test_set: Path, judges: Judges) -> None:
    table = make(test_set, 1, systems={"mine": "good"}, test_set=FILES)
    row = table.rows[-1]
    assert row.head == "mine (not in the paper)"
    assert [cell.paper for cell in row.cells] == [None] * 3
    assert all(cell.ours for cell in row.cells)


def test_several_folders_of_a_system_give_their_mean_and_spread(test_set: Path, judges: Judges) -> None:
    values = []
    for one in ("good", "bad"):
        measured = cells(make(test_set, 6, systems={"MMAudio": one}, test_set=FILES), "MMAudio")["KL_PANNs"].measured
        assert measured is not None
        assert measured.value is not None
        assert measured.low is not None
        values.append(measured.value)
    both = make(test_set, 6, systems={"MMAudio": ["good", "bad"]}, test_set=FILES)
    mean = cells(both, "MMAudio")["KL_PANNs"].measured
    assert mean is not None
    assert mean.runs == 2
    assert mean.value == pytest.approx(np.mean(values))
    assert mean.sd == pytest.approx(np.std(values, ddof=1))
    assert ours(both, "MMAudio")["KL_PANNs"] == f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"
    assert says(both, "MMAudio: mean ± standard deviation over 2 runs (seeds)")
    written = (test_set / "workspace" / "tables" / "table-6.tex").read_text()
    assert "±" not in written.split(r"\begin{table}")[1]


def test_table_2_filters_by_the_ib_score_of_the_true_audio(test_set: Path, judges: Judges) -> None:
    asked = {"systems": {"FoleyGenEx": "good"}, "test_set": {**FILES, "video": "video"}}
    whole = make(test_set, 2, judges=["auto", "imagebind"], table_options={"ib_threshold": -1.0}, **asked)
    none = make(test_set, 2, judges=["auto", "imagebind"], table_options={"ib_threshold": 1.1}, **asked)
    assert ours(whole, "FoleyGenEx (Ours) *") == ours(whole, "FoleyGenEx (Ours)")
    assert all(ours(whole, "FoleyGenEx (Ours)").values())
    assert ours(whole, "FoleyGenEx (Ours)")["DeSync"] == "0.200"
    assert says(whole, "* rows: 11 of 11 clips have an IB-score of at least -1")
    assert not any(ours(none, "FoleyGenEx (Ours) *").values())
    assert says(none, "none of the clips is in this part of the test set")


def test_table_2_without_imagebind_or_a_list_says_what_the_filtered_rows_need(test_set: Path, judges: Judges) -> None:
    table = make(test_set, 2, systems={"FoleyGenEx": "good"}, test_set={**FILES, "video": "video"})
    assert ours(table, "FoleyGenEx (Ours)")["IB-score"] is None
    assert says(table, "needs evaluate.test_set.subset_file, the list of these clips, or the IB-score of each clip")
    assert says(table, "no commercial use; name it to use it: evaluate.judges=[auto, imagebind]")


def test_table_2_takes_a_list_of_the_filtered_clips_and_a_row_of_ones_own_for_each_part(
    test_set: Path, judges: Judges
) -> None:
    (test_set / "subset.txt").write_text("\n".join([*NAMES[:10], "elsewhere"]))
    files = {**FILES, "video": "video", "subset_file": "subset.txt"}
    table = make(test_set, 2, systems={"mine": "good"}, test_set=files)
    filtered = cells(table, "mine * (not in the paper)")["IS"].measured
    assert filtered is not None
    assert filtered.n == 10
    assert table.rows[-2].head == "mine (not in the paper)"
    assert says(table, "list subset.txt: 11 clips")


def test_a_list_chooses_the_clips_and_says_what_is_missing(test_set: Path, judges: Judges) -> None:
    (test_set / "vgg.tsv").write_text("id\tlabel\n" + "".join(f"{name}\tdog\n" for name in (*NAMES[:10], "gone")))
    files = {"list_file": "vgg.tsv", "reference": "truth", "video": "video"}
    table = make(test_set, 2, systems={"MMAudio": "good"}, test_set=files)
    assert says(table, "list vgg.tsv (VGGSound, MMAudio's): 11 clips; the published list has 15,221")
    assert says(table, "evaluate.test_set.reference has 10 of 11 listed clips; the first that it lacks: gone")
    assert says(table, "ours (all): n = 10 clips")


def test_table_3_needs_no_true_audio(test_set: Path, judges: Judges) -> None:
    files = {"video": "video", "captions": "captions.csv"}
    table = make(test_set, 3, systems={"MultiFoley": "good"}, test_set=files)
    found = ours(table, "MultiFoley [12]")
    assert found["DeSync"] == "0.200"
    assert found["CLAP_T"] is not None
    assert abs(float(found["CLAP_T"])) > 1, "CLAP_T of table 3 is times 100"


@pytest.mark.parametrize(("window", "place"), [("both", None), ("first", 0), ("last", 1)])
def test_the_windows_of_desync_are_a_setting(
    test_set: Path, judges: Judges, monkeypatch: pytest.MonkeyPatch, window: str, place: int | None
) -> None:
    seen: list[int | None] = []

    def offsets(judge: object, column: Column, pairs: dict[int, object]) -> dict[int, float]:
        seen.append(column.place)
        return dict.fromkeys(pairs, 0.2 if column.place is None else 0.4 + column.place)

    monkeypatch.setattr("tasks.evaluate.judged._desync", offsets)
    files = {"video": "video", "captions": "captions.csv"}
    table = make(test_set, 3, systems={"MMAudio": "good"}, test_set=files, table_options={"desync_windows": window})
    assert ours(table, "MMAudio [13]")["DeSync"] == {"both": "0.200", "first": "0.400", "last": "1.400"}[window]
    assert set(seen) == {place}, "no other window is computed"
    assert says(table, f"evaluate.table_options.desync_windows = {window}: DeSync is ")


def test_table_3s_numbers_can_be_cut_as_the_papers(
    test_set: Path, judges: Judges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.evaluate.judged._desync", lambda judge, column, pairs: dict.fromkeys(pairs, 8 / 130))
    asked: dict[str, Any] = {"systems": {"MMAudio": "good"}, "test_set": {"video": "video", "captions": "captions.csv"}}
    assert ours(make(test_set, 3, **asked), "MMAudio [13]")["DeSync"] == "0.062"
    cut = make(test_set, 3, table_options={"decimals": "cut"}, **asked)
    assert ours(cut, "MMAudio [13]")["DeSync"] == "0.061"
    assert says(cut, "decimals = cut: our numbers are cut")


def test_several_prompts_of_a_video_are_clips_of_one_group(test_set: Path, judges: Judges) -> None:
    rows = "".join(f"{name},a dog,{NAMES[number % 4]}\n" for number, name in enumerate(NAMES))
    (test_set / "prompts.csv").write_text(f"name,caption,video\n{rows}", "utf-8")
    files = {"video": "video", "list_file": "prompts.csv"}
    table = make(test_set, 3, systems={"MMAudio": "good"}, test_set=files)
    assert says(table, "list prompts.csv: 11 clips of 4 videos")
    measured = cells(table, "MMAudio [13]")["DeSync"].measured
    assert measured is not None and measured.n == 11
    (test_set / "prompts.csv").write_text("name,caption,video\na,a dog,gone\n", "utf-8")
    with pytest.raises(UsageError, match="a file for the first one is named gone"):
        make(test_set, 3, systems={"MMAudio": "good"}, test_set=files)


def style_set(folder: Path) -> dict[str, str]:
    """Writes four targets, three references, and each target with each of two references; returns the test set."""
    targets, references = [f"t{n}_1.0000" for n in range(4)], [f"r{n}_2.0000" for n in range(3)]
    write_sounds(folder / "targets", sounds(targets))
    write_sounds(folder / "references", sounds(references, noise_level=0.1))
    listed = {target: [references[n % 3], references[(n + 1) % 3]] for n, target in enumerate(targets)}
    (folder / "amt.json").write_text(json.dumps({**listed, "gone_1.0000": ["r0_2.0000"]}))
    pairs = [f"{target}_to_{reference}" for target, named in listed.items() for reference in named]
    write_sounds(folder / "made", sounds(pairs, noise_level=0.05))
    return {"list_file": "amt.json", "reference": "targets", "references": "references"}


@pytest.mark.parametrize("number", [4, 7])
def test_tables_4_and_7_compare_onsets_with_targets_and_style_with_references(
    tmp_path: Path, judges: Judges, number: int
) -> None:
    files = style_set(tmp_path)
    asked = {"systems": {"FoleyGenEx": "made"}, "test_set": files}
    head = "FoleyGenEx (Ours)" if number == 4 else "FoleyGenEx"
    table = make(tmp_path, number, **asked)
    assert all(ours(table, head).values())
    assert says(table, "9 pairs of 5 targets and 3 references; the published list has 582")
    assert says(table, "ours: n = 8 clips; the paper's: 582")
    other = make(tmp_path, number, table_options={"fd_reference": "targets"}, **asked)
    assert says(other, "fd_reference = targets")
    assert ours(other, head)["FD_VGG"] != ours(table, head)["FD_VGG"]
    assert {**ours(other, head), "FD_VGG": None} == {**ours(table, head), "FD_VGG": None}


def test_resemblyzer_with_voice_activity_detection_is_the_other_judge(tmp_path: Path, judges: Judges) -> None:
    files = style_set(tmp_path)
    table = make(tmp_path, 4, systems={"CondFoleyGen": "made"}, test_set=files, table_options={"resemblyzer_vad": True})
    found = cells(table, "CondFoleyGen [26]")["Resemblyzer"].measured
    assert found is not None
    assert found.value is not None
    assert judges["resemblyzer-vad"].heard
    assert not judges["resemblyzer"].heard
    assert says(table, "CondFoleyGen: voice activity detection empties 100% of 8 clips")


def test_of_a_transfer_with_its_reference_in_front_the_end_is_scored(tmp_path: Path, judges: Judges) -> None:
    files = style_set(tmp_path)
    short = make(tmp_path, 4, systems={"CondFoleyGen": "made"}, test_set=files)
    long = write_sounds(tmp_path / "long", {})
    for path in (tmp_path / "made").iterdir():
        audio = decode_audio(path)
        write_exact_audio(long / path.name, np.concatenate([audio.samples_T[::-1], audio.samples_T]), audio.rate_hz)
    ending = make(tmp_path, 4, systems={"CondFoleyGen": "long"}, test_set=files)
    first = make(
        tmp_path, 4, systems={"CondFoleyGen": "long"}, test_set=files, table_options={"transfer_part": "first"}
    )
    assert ours(ending, "CondFoleyGen [26]") == ours(short, "CondFoleyGen [26]")
    assert ours(first, "CondFoleyGen [26]") != ours(short, "CondFoleyGen [26]")
    assert says(first, "transfer_part = first: of a generated file that is longer")


def extension_set(folder: Path, names: tuple[str, ...] = NAMES[:3]) -> dict[str, str]:
    """Writes 8-s truth and videos, a system with whole files for Vt+Ar and 5-s ones for Vt; returns the test set."""
    write_sounds(folder / "truth", sounds(names, duration_s=8.0))
    write_videos(folder / "video", names, duration_s=8.0)
    made = sounds(names, duration_s=8.0, noise_level=0.1)
    write_sounds(folder / "made" / "Vt+Ar", made)
    write_sounds(folder / "made" / "Vt", {name: audio[3 * 16_000 :] for name, audio in made.items()})
    return {"reference": "truth", "video": "video"}


def test_table_5_scores_3_to_8_s_of_whole_files_and_parts_alike(tmp_path: Path, judges: Judges) -> None:
    files = extension_set(tmp_path)
    table = make(tmp_path, 5, systems={"FoleyGenEx + AA": "made"}, test_set=files)
    heads = [f"{head.system} {head.name}" for head in table.heads]
    place = heads.index("FoleyGenEx + AA CA")
    shown = {row.head: [cell.ours for cell in row.cells[place : place + 2]] for row in table.rows}
    assert shown["ALL, Vt"] == shown["ALL, Vt+Ar"], "the same audio, as a part and in a whole file"
    assert shown["ALL, Vt"][1] == "0.20"
    assert shown["ALL, Vt+Ar+Vr"] == [None, None]
    assert shown["1000, Vt"] == [None, None]
    assert says(table, "the system's folder has no subfolder Vt+Ar+Vr")
    assert says(table, "needs evaluate.test_set.subset_file")
    assert all(cell.ours is None for row in table.rows for cell in row.cells[:place])


def test_table_5s_reference_is_the_given_part_or_the_true_one(tmp_path: Path, judges: Judges) -> None:
    files = {**extension_set(tmp_path), "subset_file": "subset.txt"}
    shutil.rmtree(tmp_path / "made" / "Vt+Ar")
    (tmp_path / "subset.txt").write_text("\n".join(NAMES[:2]))
    asked: dict[str, Any] = {"systems": {"FoleyGenEx": "made"}, "test_set": files}
    given = make(tmp_path, 5, **asked)
    truth = make(tmp_path, 5, table_options={"extension_reference": "truth"}, **asked)
    place = [f"{head.system} {head.name}" for head in given.heads].index("FoleyGenEx CA")
    assert given.rows[0].cells[place].measured != truth.rows[0].cells[place].measured
    counts = [row.cells[place].measured for row in given.rows if row.cells[place].ours]
    assert [one.n for one in counts if one is not None] == [2, 3]


def test_table_5s_clips_can_be_drawn_by_a_seed(tmp_path: Path, judges: Judges, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {"systems": {"FoleyGenEx": "made"}, "test_set": extension_set(tmp_path)}
    few = make(tmp_path, 5, table_options={"extension_seed": 1}, **asked)
    assert says(few, ": not computed: 1,000 clips cannot be drawn: the test set has 3")
    monkeypatch.setattr("tasks.commands.paper_tables.measuring._DRAWN", 2)
    drawn = make(tmp_path, 5, table_options={"extension_seed": 1}, **asked)
    assert says(drawn, "2 of 3 clips are drawn") and says(drawn, "extension_seed = 1: the 1,000 clips are drawn")
    counts = [cell.measured.n for row in drawn.rows for cell in row.cells if cell.ours and cell.measured]
    assert set(counts) == {2, 3}
    assert make(tmp_path, 5, table_options={"extension_seed": 1}, **asked) == drawn


def test_ticks_of_table_5_are_a_setting(tmp_path: Path) -> None:
    conditions = [["Vt"], ["Ar", "Vt"], ["Text", "Vt"], ["Vt", "Text", "Ar", "Vr"]]
    table = make(tmp_path, 5, table_options={"extension_conditions": conditions})
    assert [row.head for row in table.rows[:4]] == ["1000, Vt", "1000, Ar+Vt", "1000, Text+Vt", "1000, Vt+Text+Ar+Vr"]
    with pytest.raises(UsageError, match="extension_conditions"):
        config(tmp_path, 5, table_options={"extension_conditions": [["Video"]] * 4})


def test_missing_files_are_an_error_that_names_the_setting_and_can_be_allowed(test_set: Path, judges: Judges) -> None:
    (test_set / "good" / f"{NAMES[3]}.wav").unlink()
    asked: dict[str, Any] = {"systems": {"FoleyGenEx": "good", "MMAudio": "bad"}}
    with pytest.raises(FoleyGenExError) as error:
        make(test_set, 1, test_set=FILES, **asked)
    assert "1 missing in evaluate.systems.FoleyGenEx (e.g. clip03)" in str(error.value)
    assert "--set evaluate.test_set.allow=[missing]" in str(error.value)
    table = make(test_set, 1, test_set={**FILES, "allow": ["missing"]}, **asked)
    counts = {cell.measured.n for row in table.rows for cell in row.cells if cell.measured is not None}
    assert counts == {10}, "both systems are scored on the clips that both have"


@pytest.mark.parametrize(
    ("number", "systems", "files", "expected"),
    [
        (1, {"MMAudio": "no"}, {"reference": "truth"}, "no is neither a folder of generated audio nor a checkpoint"),
        (1, {"MMAudio": "good"}, {}, "table 1 needs evaluate.test_set.reference, a folder"),
        (1, {"MMAudio": "good"}, {"reference": "no"}, "evaluate.test_set.reference: {folder}/no is not a folder"),
        (1, {"MMAudio": "good"}, {"list_file": "no.csv"}, "evaluate.test_set.list_file: list {folder}/no.csv does not"),
        (1, {"MMAudio": "good"}, {"reference": "truth", "captions": "no.csv"}, "evaluate.test_set.captions: list {fol"),
        (2, {"MMAudio": "good"}, {"reference": "truth", "subset_file": "no.csv"}, "evaluate.test_set.subset_file: li"),
        (1, {"MMAudio": "good"}, {"reference": "truth", "allow": ["no"]}, "evaluate.test_set.allow: no: is no kind"),
        (1, {"MMAudio": []}, {"reference": "truth"}, "evaluate.systems.MMAudio has no folder"),
        (1, {"MMAudio": "video"}, {"reference": "truth", "list_file": "other.txt"}, "has none of the table's clips"),
        (1, {"MMAudio": "empty"}, {"reference": "truth"}, "evaluate.systems.MMAudio: there is none of the 11 clips"),
        (1, {"MMAudio": "good", "MMAudio [13]": "bad"}, {}, "'MMAudio [13]' is a second name of 'MMAudio'"),
        (1, {"MMAudio": "twice"}, {"reference": "truth"}, "a.flac and a.wav are both of clip 'a'"),
        (1, {"MMAudio": "good"}, {"reference": "truth", "captions": "other.txt"}, "is no CSV with the columns"),
        (3, {"MMAudio": "good"}, {}, "table 3 needs evaluate.test_set.video"),
        (4, {"MMAudio-S1": "good"}, {"reference": "truth"}, "table 4 needs evaluate.test_set.list_file"),
        (4, {"MMAudio-S1": "good"}, {"list_file": "amt.json", "reference": "truth"}, "needs evaluate.test_set.ref"),
        (5, {"mine": "good"}, {}, "table 5 has no system 'mine'; it has MultiFoley"),
    ],
)  # fmt: skip
def test_each_mistake_is_said_in_one_line(
    test_set: Path, number: int, systems: dict[str, Any], files: dict[str, str], expected: str
) -> None:
    (test_set / "empty").mkdir()
    (test_set / "other.txt").write_text("elsewhere\n")
    (test_set / "amt.json").write_text('{"a": ["b"]}')
    write_sounds(test_set / "twice", sounds(["a"]))
    (test_set / "twice" / "a.flac").write_bytes(b"")
    with pytest.raises(UsageError) as error:
        make(test_set, number, systems=systems, test_set=files)
    assert expected.replace("{folder}", str(test_set)).partition("{")[0] in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"systems": {"MMAudio": "builtin", "mine": "no"}}, "neither a folder of generated audio nor a checkpoint"),
        ({"systems": {"MMAudio": "builtin", "mine": "empty"}}, "evaluate.systems.mine: there is none of the 11 clips"),
        ({"systems": {"MMAudio": ["builtin", "no"]}}, "neither a folder of generated audio nor a checkpoint"),
        ({"test_set": {**FILES, "subset_file": "no.txt"}}, "evaluate.test_set.subset_file: list "),
        ({"judges": ["no"]}, "evaluate.judges: judge 'no' is unknown"),
        ({"judges": ["vggish:no.pt"]}, "evaluate.judges: judge vggish: "),
        ({"test_set": {**FILES, "allow": ["no"]}}, "evaluate.test_set.allow"),
    ],
)  # fmt: skip
def test_mistakes_are_said_before_audio_is_generated(
    test_set: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], expected: str
) -> None:
    (test_set / "empty").mkdir()
    monkeypatch.setattr("tasks.commands.paper_tables.job.TableGenerator", lambda **_: pytest.fail("audio is generated"))
    with pytest.raises(UsageError) as error:
        make(test_set, 1, **{"systems": {"MMAudio": "builtin"}, "test_set": FILES, **changes})
    assert expected in str(error.value)


def test_every_row_of_table_5_is_looked_at_before_audio_is_generated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sounds(tmp_path / "truth", sounds(NAMES[:2], duration_s=8.0))
    write_sounds(tmp_path / "made" / "Vt", sounds(NAMES[:2], duration_s=8.0))
    (tmp_path / "made" / "Vt+Ar").mkdir()
    monkeypatch.setattr("tasks.commands.paper_tables.job.TableGenerator", lambda **_: pytest.fail("audio is generated"))
    with pytest.raises(UsageError, match=r"evaluate\.systems\.MMAudio: there is none of the 2 clips .* in .*Vt\+Ar"):
        make(tmp_path, 5, systems={"FoleyGenEx": "builtin", "MMAudio": "made"}, test_set={"reference": "truth"})


def test_a_number_is_needed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"evaluate\.table is not set"):
        make_table(config(tmp_path, 1).model_copy(update={"table": None}), workspace(tmp_path))
    with pytest.raises(UsageError, match="table"):
        config(tmp_path, 8)


def test_e3_the_published_list_of_vggsound_chooses_the_clips(test_set: Path, judges: Judges, realdata: Path) -> None:
    published = read_list(realdata / "captions" / "vggsound" / "mmaudio_vgg-test.tsv")
    names = list(published.captions)[:10]
    for folder in ("truth", "good"):
        write_sounds(test_set / "vgg" / folder, sounds(names, noise_level=0.05 * (folder == "good")))
    write_videos(test_set / "vgg" / "video", names)
    shutil.copy(realdata / "captions" / "vggsound" / "mmaudio_vgg-test.tsv", test_set / "vgg-test.tsv")
    files = {"list_file": "vgg-test.tsv", "reference": "vgg/truth", "video": "vgg/video"}
    table = make(test_set, 2, systems={"FoleyGenEx": "vgg/good"}, test_set=files)
    assert says(table, "list vgg-test.tsv (VGGSound, MMAudio's): 15,221 clips; as published")
    assert says(table, "evaluate.test_set.reference has 10 of 15,221 listed clips")
    measured = cells(table, "FoleyGenEx (Ours)")["IS"].measured
    assert measured is not None and measured.n == 10


def test_e3_the_published_pairs_of_greatest_hits_are_found_under_both_names(
    tmp_path: Path, judges: Judges, realdata: Path
) -> None:
    listed = realdata / "captions" / "greatest_hits" / "AMT_test_set.json"
    pairs = list(read_list(listed).pairs.values())[:3]
    cut = [f"{one.target.replace('_', '_denoised_trim_to_2s_from_')}_new_fps_resized" for one in pairs]
    write_sounds(tmp_path / "targets", sounds(sorted(set(cut))))
    write_sounds(tmp_path / "references", sounds([one.reference for one in pairs]))
    write_sounds(tmp_path / "made", sounds([one.name for one in pairs], noise_level=0.05))
    shutil.copy(listed, tmp_path / "amt.json")
    files = {"list_file": "amt.json", "reference": "targets", "references": "references"}
    table = make(tmp_path, 4, systems={"CondFoleyGen": "made"}, test_set=files)
    assert says(table, "list amt.json (Greatest Hits): 582 pairs of 194 targets and 576 references; as published")
    measured = cells(table, "CondFoleyGen [26]")["OnsetSyncAP(%)"].measured
    assert measured is not None and measured.n == 3
