"""Paths of a table's settings count from the config's folder; files are found by clip, one each."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.commands.paper_tables.inputs import clip_files, generated_files, read_inputs, read_subset
from tasks.config import PipelineConfig
from tasks.evaluate.paper_tables.config import TableFiles
from tasks.evaluate.paper_tables.layout import paper_table
from tests.tasks.commands.paper_tables.conftest import NAMES, config

CUT = "v_denoised_trim_to_2s_from_{}_new_fps_resized"


def test_paths_count_from_the_config_and_names_of_checkpoints_stay(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "evaluate: {systems: {a: out, b: builtin, c: [trained, /x]}, test_set: {reference: truth, captions: c.csv}}"
    )
    loaded = PipelineConfig.load(tmp_path / "c.yaml", ["evaluate.systems.d=here", "evaluate.table=1"]).evaluate
    assert loaded.systems == {
        "a": str(tmp_path / "out"), "b": "builtin", "c": ("trained", "/x"), "d": str(Path.cwd() / "here"),
    }  # fmt: skip
    assert loaded.test_set.reference == str(tmp_path / "truth")
    assert loaded.test_set.captions == str(tmp_path / "c.csv")
    assert loaded.test_set.video == ""


def test_generated_pairs_may_have_the_names_of_cut_files(tmp_path: Path) -> None:
    (tmp_path / f"{CUT.format('1.5')}_to_{CUT.format('2.5')}.mp4").touch()
    (tmp_path / "a_1.0_to_b_2.0.flac").touch()
    (tmp_path / ".hidden.wav").touch()
    (tmp_path / "a_1.0_to_b_2.0.json").touch()
    assert set(generated_files(tmp_path, "ac-vta")) == {"v_1.5_to_v_2.5", "a_1.0_to_b_2.0"}


def test_two_files_of_one_clip_are_refused(tmp_path: Path) -> None:
    for name in ("v_1.5.mp4", f"{CUT.format('1.5')}.mp4"):
        (tmp_path / name).touch()
    assert len(clip_files(tmp_path, (".mp4",))) == 2
    with pytest.raises(UsageError, match=r"are both of clip 'v_1\.5_to_"):
        for half in ("x_1.0", CUT.replace("v", "x").format("1.0")):
            (tmp_path / f"v_1.5_to_{half}.wav").touch()
        generated_files(tmp_path, "ac-vta")


def test_videos_in_the_reference_folder_are_the_videos(test_set: Path) -> None:
    files = config(test_set, 2, test_set={"reference": "video"}).test_set
    found = read_inputs(paper_table(2), files)
    assert found.videos == found.truth
    assert list(found.captions) == list(NAMES)


def test_a_caption_table_goes_over_the_lists_labels(test_set: Path) -> None:
    (test_set / "vgg.tsv").write_text(f"id\tlabel\n{NAMES[0]}\tdog\n")
    given = {"reference": "truth", "list_file": "vgg.tsv"}
    plain = read_inputs(paper_table(2), config(test_set, 2, test_set=given).test_set)
    captioned = {**given, "captions": "captions.csv"}
    other = read_inputs(paper_table(2), config(test_set, 2, test_set=captioned).test_set)
    assert (plain.captions, other.captions) == ({NAMES[0]: "dog"}, {NAMES[0]: f"caption {NAMES[0]}"})


def test_without_a_subset_there_is_none() -> None:
    assert read_subset(TableFiles()) is None
