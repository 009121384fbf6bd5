"""What is refused, in one line that names the setting, and when (SPEC E3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data_contracts import FoleyGenExError, UsageError
from tasks.commands.paper_tables.job import make_table
from tests.tasks.commands.paper_tables.conftest import (
    FILES,
    NAMES,
    Judges,
    config,
    make,
    sounds,
    workspace,
    write_sounds,
)


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
