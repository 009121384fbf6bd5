"""Tables 1 to 3 with small test sets and fake judges: what is computed and what is said (SPEC E3)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_contracts import UsageError
from tasks.commands.paper_tables.composing import NOT_NAMED
from tasks.evaluate.columns import Column
from tasks.evaluate.paper_tables.layout import NUMBERS, paper_table
from tasks.evaluate.paper_tables.lists import read_list
from tasks.evaluate.paper_tables.result import read_table_result
from tests.tasks.commands.paper_tables.conftest import (
    FILES,
    NAMES,
    Judges,
    cells,
    make,
    ours,
    says,
    sounds,
    write_sounds,
    write_videos,
)


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
