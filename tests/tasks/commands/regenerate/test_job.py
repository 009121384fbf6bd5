"""Lineage is complete: any one item can be made again alone, to the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from data_contracts import Caption, Clip, ContractError, ManifestRow, UsageError, read_table, write_table
from data_contracts.files import hash_file
from flows.cli import app
from tasks.commands.regenerate.job import Comparison, _difference, _source_ids, regenerate
from tasks.config import PipelineConfig, store
from tasks.engine.workspace import Workspace
from tasks.media.audio import write_flac
from tasks.pipeline import steps_before
from tasks.steps import run_step

pytestmark = pytest.mark.tools


def prepared(folder: Path, values: dict) -> tuple[PipelineConfig, Workspace]:
    """Runs the data stages of a small corpus."""
    workspace = Workspace(folder)
    config = PipelineConfig.model_validate({"workspace": str(folder), "llm": {"backend": "rules"}, **values})
    store(config, workspace)
    for step in steps_before("precompute"):
        run_step(step, config, workspace)
    return config, workspace


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[PipelineConfig, Workspace]:
    corpus = {"kind": "builtin", "video_clips": 3, "audio_clips": 12}
    return prepared(tmp_path_factory.mktemp("built"), {"ingest": {"corpus": corpus}})


def rows_of(workspace: Workspace) -> dict[str, ManifestRow]:
    """One row per kind: with a video, without, and one of each augmented level."""
    rows = read_table(workspace.table("manifest", "manifest"), ManifestRow)
    return {row.level or row.subset: row for row in rows}


def test_every_kind_of_item_comes_out_the_same(built: tuple[PipelineConfig, Workspace]) -> None:
    config, workspace = built
    kinds = rows_of(workspace)
    assert {"vta", "tta", "far"} <= kinds.keys() and len(kinds) >= 6
    for kind, row in kinds.items():
        compared = regenerate(config, workspace, row.item_id)
        assert [one.verdict for one in compared] == ["same"] * (6 if row.subset == "aa" else 2), (kind, compared)
    assert not list(workspace.root.glob(".tmp-*"))


def test_a_lost_and_a_damaged_file_are_put_back(built: tuple[PipelineConfig, Workspace]) -> None:
    config, workspace = built
    row = rows_of(workspace)["far"]
    target = workspace.path(row.audio_path)
    for damage in (target.unlink, lambda: target.write_bytes(b"fLaC broken")):
        damage()
        compared = {one.stage: one for one in regenerate(config, workspace, row.item_id)}
        assert compared["augment"].verdict == "restored" and row.audio_path in compared["augment"].detail
        assert hash_file(target) == row.audio_sha256


def test_what_differs_is_named_and_nothing_is_overwritten(built: tuple[PipelineConfig, Workspace]) -> None:
    config, workspace = built
    row = rows_of(workspace)["far"]
    path = workspace.table("recaption", "captions")
    before = path.read_bytes()
    rows = read_table(path, Caption)
    changed = [
        Caption(**{**r.__dict__, "caption": "Something else"}) if r.parent_id == row.item_id else r for r in rows
    ]
    write_table(path, Caption, changed)
    try:
        tampered = path.read_bytes()
        compared = {one.stage: one for one in regenerate(config, workspace, row.item_id)}
        assert (
            compared["recaption"].verdict == "differs"
            and "'Something else' in the table" in compared["recaption"].detail
        )
        assert path.read_bytes() == tampered
        result = CliRunner().invoke(app, ["regenerate", str(workspace.root), row.item_id])
        assert result.exit_code == 1 and "recaption  differs" in result.output
    finally:
        path.write_bytes(before)


def test_an_unknown_item_is_one_line(built: tuple[PipelineConfig, Workspace]) -> None:
    config, workspace = built
    for name in ("nothing", "../../etc/passwd", ""):
        with pytest.raises(UsageError, match="not an item of the manifest"):
            regenerate(config, workspace, name)


def test_portions_and_a_source_that_is_gone(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    samples = (0.2 * rng.standard_normal(16_000 * 20)).astype(np.float32)
    data = tmp_path / "data"
    data.mkdir()
    write_flac(data / "long.flac", samples, 16_000)
    (data / "table.csv").write_text("id,audio,caption,split\nlong,long.flac,Loud rain falls,train\n")
    config, workspace = prepared(
        tmp_path / "w", {"ingest": {"corpus": {"kind": "table", "path": str(data / "table.csv")}}}
    )
    row = next(row for row in rows_of(workspace).values() if row.level == "crescendo")
    assert "~p" in row.clip_id
    assert {one.verdict for one in regenerate(config, workspace, row.item_id)} == {"same"}
    (data / "long.flac").unlink()
    workspace.path(row.audio_path).unlink()
    compared = {one.stage: one for one in regenerate(config, workspace, row.item_id)}
    assert compared["ingest"].verdict == "not made again" and compared["augment"].verdict == "restored"
    clip = workspace.path(f"ingest/audio/{row.clip_id}.flac")
    clip.write_bytes(b"broken")
    with pytest.raises(ContractError, match="cannot be made again"):
        regenerate(config, workspace, row.item_id)


def test_a_wavcaps_portion_from_the_middle_comes_out_the_same(tmp_path: Path) -> None:
    """SPEC D3: the clip is a part, with an offset, of a long recording; its augmented sound is made of that part."""
    rng = np.random.default_rng(4)
    data = tmp_path / "data"
    data.mkdir()
    for name, seconds in (("long", 43.7), ("other", 3.0)):
        write_flac(
            data / f"{name}.flac", (0.2 * rng.standard_normal(round(22_050 * seconds))).astype(np.float32), 22_050
        )
    listed = [{"id": name, "caption": "Loud rain falls on a roof."} for name in ("other", "long")]
    (data / "sb.json").write_text(json.dumps({"data": listed}))
    corpora = [{"kind": "wavcaps", "path": str(data / "sb.json"), "split": "train"}]
    config, workspace = prepared(tmp_path / "w", {"ingest": {"corpora": corpora}, "mine": {"parser": "rules"}})
    clips = {c.item_id: c for c in read_table(workspace.table("ingest", "clips"), Clip)}
    clip = clips["wavcaps.sb-long~p4"]
    assert len(clips) == 6 and clip.source_start_s == pytest.approx(3 * (43.7 - 8) / 4)
    rows = [r for r in read_table(workspace.table("manifest", "manifest"), ManifestRow) if r.clip_id == clip.item_id]
    plain = next(row for row in rows if row.subset == "tta")
    louder = next(row for row in rows if row.level == "crescendo")
    for row in (plain, louder):
        files = {workspace.path(row.audio_path), workspace.path(clip.audio_path)}
        before = {path: path.read_bytes() for path in files}
        assert {one.verdict for one in regenerate(config, workspace, row.item_id)} == {"same"}
        for path in files:
            path.unlink()
        verdicts = {one.stage: one.verdict for one in regenerate(config, workspace, row.item_id)}
        assert verdicts["ingest"] == "restored"
        assert {path: path.read_bytes() for path in files} == before


@pytest.mark.parametrize(
    ("stored", "made", "difference"),
    [
        ([{"item_id": "a", "n": 1}], [{"item_id": "a", "n": 1}], ""),
        ([{"item_id": "a", "n": 1}], [{"item_id": "a", "n": 2}], "n: 1 in the table, 2 now"),
        ([{"item_id": "a"}], [], "0 rows now, 1 in the table"),
        ([], [{"item_id": "a"}], "1 rows now, 0 in the table"),
        ([{"item_id": "a"}], [{"item_id": "b"}], "1 rows now, 1 in the table"),
        ([{"item_id": "a", "t": "x" * 90}], [{"item_id": "a", "t": ""}], f"t: '{'x' * 56}... in the table, '' now"),
    ],
)
def test_the_first_difference_is_said(stored: list[dict], made: list[dict], difference: str) -> None:
    assert _difference(stored, made) == difference


@pytest.mark.parametrize(
    ("clip_id", "recordings"),
    [
        ("rain", ("rain",)),
        ("rain~p3", ("rain~p3", "rain")),
        ("rain~px", ("rain~px",)),
        ("a~p1~p2", ("a~p1~p2", "a~p1")),
    ],
)
def test_a_portion_is_looked_up_by_its_recording_too(clip_id: str, recordings: tuple[str, ...]) -> None:
    assert _source_ids(clip_id) == recordings


def test_a_line_names_stage_verdict_and_item() -> None:
    line = Comparison(stage="augment", item_id="a~far", verdict="restored", detail="augment/audio/a.flac").line()
    assert line.split() == ["augment", "restored", "a~far", "(augment/audio/a.flac)"]
    assert not Comparison(stage="ingest", item_id="a", verdict="same").line().endswith(")")
