"""Tables 4, 5 and 7, whose audio follows a reference or continues it, with fake judges (SPEC E3)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_contracts import UsageError
from tasks.media.arrays import write_exact_audio
from tasks.media.audio import decode_audio
from tests.tasks.commands.paper_tables.conftest import (
    NAMES,
    Judges,
    cells,
    config,
    make,
    ours,
    says,
    sounds,
    write_sounds,
    write_videos,
)


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
