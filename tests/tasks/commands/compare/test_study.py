"""What a study compares: equal names in both folders, nothing missing or double, and files that stay as they were."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from data_contracts import UsageError
from data_contracts.adverbs import LEVELS
from tasks.commands.compare.study import (
    SHEET,
    make_study,
    own_captions,
    read_captions,
    read_study,
    require_unchanged,
    write_jobs,
)

CAPTIONS = {"one": ("a dog barks fast", "fast"), "two": ("rain, far away", "far")}


def folders(root: Path) -> tuple[Path, Path]:
    for system in ("a", "b"):
        (root / system).mkdir()
        for name in CAPTIONS:
            (root / system / f"{name}.flac").write_bytes(f"{system} {name}".encode())
    (root / "a" / "one.json").write_text("{}")
    return root / "a", root / "b"


def test_the_projects_captions_are_fifty_different_ones_of_every_kind() -> None:
    found = read_captions(own_captions())
    assert len(found) == 50 == len({caption for caption, _ in found.values()})
    kinds = Counter(kind for _, kind in found.values())
    assert set(kinds) == {"fast", "slow", "far", "near", "loud", "quiet", "crescendo", "decrescendo"}
    assert min(kinds.values()) >= 4 and {"far", "crescendo", "decrescendo"} <= set(LEVELS)


def test_a_study_is_made_once_and_read_again(tmp_path: Path) -> None:
    a, b = folders(tmp_path)
    pairs = make_study(tmp_path / "study", a, b, CAPTIONS)
    assert read_study(tmp_path / "study") == pairs == make_study(tmp_path / "study", a, b, CAPTIONS)
    assert [Path(pair.audio_a).parent.name + Path(pair.audio_b).parent.name for pair in pairs] == ["ab", "ab"]
    require_unchanged(pairs)
    with pytest.raises(UsageError, match="is another comparison"):
        make_study(tmp_path / "study", b, a, CAPTIONS)
    (b / "two.flac").write_bytes(b"made again")
    with pytest.raises(UsageError, match=r"1 sound of the study changed or gone: .*two\.flac"):
        require_unchanged(pairs)


def test_what_is_missing_or_double_is_named(tmp_path: Path) -> None:
    a, b = folders(tmp_path)
    (b / "two.flac").unlink()
    with pytest.raises(UsageError, match="has no sound for 1 caption: two"):
        make_study(tmp_path / "study", a, b, CAPTIONS)
    (b / "two.wav").write_bytes(b"x")
    (b / "two.mp3").write_bytes(b"y")
    with pytest.raises(UsageError, match=r"two sounds of one name: two\.mp3, two\.wav"):
        make_study(tmp_path / "study", a, b, CAPTIONS)
    with pytest.raises(UsageError, match="is no folder"):
        make_study(tmp_path / "study", tmp_path / "none", b, CAPTIONS)
    (b / "two.mp3").unlink()
    many = {f"n{i}": ("c", "") for i in range(8)}
    with pytest.raises(UsageError, match="8 captions: n0, n1, n2, n3, n4 and 3 more"):
        make_study(tmp_path / "study", a, b, many)
    with pytest.raises(UsageError, match="make it with --a FOLDER --b FOLDER"):
        read_study(tmp_path / "study")
    assert not (tmp_path / "study" / SHEET).exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,caption,adverb\none,,fast\n", "line 2: name or caption is empty"),
        ("name,caption,adverb\none,a,fast\none,b,fast\n", "line 3: name 'one' is there twice"),
        ("name,caption,adverb\none,a,b\x1b[2J\n", r"line 2: the adverb is not printable: 'b\\x1b\[2J'"),
        ("name,caption,adverb\no\x1bne,a,b\n", r"line 2: the name is not printable: 'o\\x1bne'"),
        ("name,caption\none,a\n", "column 'adverb' is missing"),
        ("name,caption,adverb\n", "has no caption"),
    ],
)
def test_a_list_of_captions_that_cannot_be_used_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_captions(path)


def test_the_jobs_make_a_sound_per_caption_with_its_name(tmp_path: Path) -> None:
    assert write_jobs(tmp_path / "new" / "jobs.csv", CAPTIONS) == 2
    with (tmp_path / "new" / "jobs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["task"], row["text"], row["out"]) for row in rows] == [
        ("tta", "a dog barks fast", "one.flac"), ("tta", "rain, far away", "two.flac"),
    ]  # fmt: skip
