"""Which rows are exported, in which shards, under which safe names; damage is named before anything is written."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import ContractError, ManifestRow, UsageError, read_table, write_table
from tasks.commands.export.datasets_folder import export_datasets
from tasks.commands.export.rows import SPLITS, SUBSETS, Sample, Selection, description, empty_folder, selected, shards
from tasks.commands.export.webdataset import export_webdataset
from tasks.engine.workspace import Workspace
from tests.tasks.commands.export.conftest import manifest
from tests.tasks.manifest.build import rows_of

ROW = rows_of(caption="A dog barks", licence="CC0-1.0", item_id="dog")[0]


def test_a_selection_by_split_subset_and_licence(workspace: Workspace, tmp_path: Path) -> None:
    for number, (selection, expected) in enumerate(
        [(Selection(subsets=("aa",)), 20), (Selection(splits=("test",)), 1), (Selection(licences=("CC0-1.0",)), 29)]
    ):
        assert f"{expected} rows" in export_webdataset(workspace, tmp_path / str(number), selection, shard_bytes=10**9)
    with pytest.raises(UsageError, match="no manifest row matches"):
        export_webdataset(workspace, tmp_path / "none", Selection(licences=("GPL",)), shard_bytes=10**9)
    with pytest.raises(UsageError, match="subset 'AA' is unknown"):
        Selection(subsets=("AA",))


def test_hostile_captions_and_ids_stay_in_their_place(workspace: Workspace, tmp_path: Path) -> None:
    path = workspace.table("manifest", "manifest")
    rows = read_table(path, ManifestRow)
    ids = ["../../evil", "/etc/passwd", "a.b.c", "-x", "con\nrol", "é" * 200]
    changed = [ManifestRow(**{**row.__dict__, "item_id": name}) for row, name in zip(rows, ids, strict=False)]
    write_table(path, ManifestRow, [*changed, *rows[len(ids) :]])
    out = tmp_path / "deep" / "out"
    export_webdataset(workspace, out, Selection(), shard_bytes=10**9)
    keys = set()
    for tar_path in out.glob("*.tar"):
        with tarfile.open(tar_path) as tar:
            for name in tar.getnames():
                assert "/" not in name and "\n" not in name and not name.startswith(("-", ".")) and name.count(".") == 1
                keys.add(name.split(".")[0])
    assert len(keys) == len(rows)
    card = (out / "README.md").read_text()
    assert "<script>" not in card and "\n---\n../" not in card
    export_datasets(workspace, tmp_path / "hf", Selection(), shard_bytes=10**9)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "hf", "w"]


def test_damage_and_a_folder_in_use_are_named(workspace: Workspace, tmp_path: Path) -> None:
    row = next(iter(manifest(workspace).values()))
    sound = workspace.path(row.audio_path)
    sound.write_bytes(sound.read_bytes() + b"x")
    with pytest.raises(ContractError, match=rf"damaged.*regenerate WORKSPACE {row.item_id}"):
        export_webdataset(workspace, tmp_path / "a", Selection(), shard_bytes=10**9)
    assert not (tmp_path / "a" / "index.json").exists() and not list((tmp_path / "a").glob(".tmp*"))
    sound.unlink()
    with pytest.raises(ContractError, match="missing"):
        export_datasets(workspace, tmp_path / "b", Selection(), shard_bytes=10**9)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "note.txt").write_text("mine")
    sound.write_bytes(b"")
    with pytest.raises(UsageError, match="not an empty folder"):
        export_webdataset(workspace, tmp_path / "used", Selection(splits=("train",)), shard_bytes=10**9)
    assert (tmp_path / "used" / "note.txt").read_text() == "mine"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """One file per size in bytes."""
    folder = tmp_path_factory.mktemp("sizes")
    found = {size: folder / f"{size}.flac" for size in (0, 1, 10, 50, 100)}
    for size, path in found.items():
        path.write_bytes(b"x" * size)
    return found


@given(
    st.lists(st.tuples(st.sampled_from(SPLITS), st.sampled_from([0, 1, 10, 50, 100])), max_size=30),
    st.integers(1, 200),
)
def test_shards_hold_every_sample_once_in_order_within_the_limit(
    files: dict[int, Path], made: Sequence[tuple[str, int]], limit: int
) -> None:
    samples = [Sample(str(n), replace(ROW, split=split), files[size], None) for n, (split, size) in enumerate(made)]
    found = list(shards(samples, limit))
    for split in SPLITS:
        mine = [part for name, _, part in found if name == split]
        assert [sample for part in mine for sample in part] == [one for one in samples if one.row.split == split]
    for split, group in groupby(found, key=lambda shard: shard[0]):
        numbered = list(group)
        assert [number for _, number, _ in numbered] == list(range(len(numbered))), split
    for _, _, part in found:
        assert part and (sum(sample.size for sample in part) <= limit or len(part) == 1 or part[-1].size == 0)


@given(
    st.sets(st.sampled_from(SPLITS)), st.sets(st.sampled_from(SUBSETS)), st.sets(st.sampled_from(["CC0-1.0", "MIT"]))
)
def test_a_selection_takes_what_each_of_its_lists_takes(
    splits: set[str], subsets: set[str], licences: set[str]
) -> None:
    selection = Selection(splits=tuple(splits), subsets=tuple(subsets), licences=tuple(licences))
    for split in SPLITS:
        for subset in SUBSETS:
            row = replace(ROW, split=split, subset=subset)
            expected = all(not some or value in some for some, value in
                           ((splits, split), (subsets, subset), (licences, row.licence)))  # fmt: skip
            assert selection.takes(row) is expected


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"splits": ("Train",)}, "split 'Train' is unknown; choose from train, val, test"),
        ({"subsets": ("fe",)}, "subset 'fe' is unknown; choose from vta, tta, aa"),
    ],
)
def test_an_unknown_name_is_refused(selection: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Selection(**selection)


def test_a_description_is_the_row_without_its_paths_and_with_its_json_unpacked() -> None:
    found = description(Sample("dog", ROW, Path("a.flac"), None))
    values = ROW.to_dict()
    assert not any(name.endswith(("_path", "_json")) for name in found)
    assert {name: found[name] for name in values.keys() & found.keys()} == {
        name: value for name, value in values.items() if name in found
    }
    assert isinstance(found["lineage"], dict) and found["attributes"] == {}


def test_a_folder_is_made_and_only_an_empty_one_is_used(tmp_path: Path) -> None:
    assert empty_folder(tmp_path / "a" / "b").is_dir() and empty_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    for taken in (tmp_path / "file", tmp_path):
        with pytest.raises(UsageError, match="is not an empty folder; name a new one"):
            empty_folder(taken)


def test_samples_come_in_the_manifests_order_with_names_of_their_own(workspace: Workspace) -> None:
    samples = selected(workspace, Selection())
    assert [sample.row for sample in samples] == list(manifest(workspace).values())
    assert len({sample.key for sample in samples}) == len(samples) and not any("." in sample.key for sample in samples)
    assert all(sample.size >= sample.audio.stat().st_size for sample in samples)
