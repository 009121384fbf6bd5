"""Names of the systems: the folder's own, its parents' where two agree, or the one that is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.commands.evaluate.options import named_systems, unique_systems


def test_a_folder_is_called_as_it_is_or_as_it_is_told(tmp_path: Path) -> None:
    first, second = tmp_path / "one" / "audio", tmp_path / "two" / "audio"
    for folder in (first, second, tmp_path / "a=b"):
        folder.mkdir(parents=True)
    assert named_systems([str(first)]) == {"audio": first}
    assert named_systems([str(first), str(second)]) == {"one/audio": first, "two/audio": second}
    assert named_systems([f"mine={first}", str(second)]) == {"mine": first, "two/audio": second}
    assert list(named_systems([str(tmp_path / "a=b")])) == ["a=b"]  # a folder of that name, not a folder b called a


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["x=one", "x=two"], "the name 'x' is taken; give it another one: NAME=two"),
        (["truth=one"], "the name 'truth' is taken"),
        (["silence"], "the name 'silence' is taken"),
        (["=one"], "expected DIR or NAME=DIR"),
        (["one="], "expected DIR or NAME=DIR"),
        (["a\x1b[31m=one"], "the name is not printable"),
        ([], "there is no folder of generated audio to score"),
    ],
)
def test_a_name_that_is_taken_or_cannot_be_shown_is_refused(given: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        named_systems(given)


def test_the_same_folder_twice_has_no_two_names() -> None:
    with pytest.raises(UsageError, match="is taken"):
        named_systems(["one", "one"])


def test_a_name_that_is_given_apart_may_have_an_equals_sign() -> None:
    named = [("cfg=4.5", Path("one")), ("", Path("two"))]
    assert unique_systems(named) == {"cfg=4.5": Path("one"), "two": Path("two")}
