"""Names of the systems: the folder's own, its parents' where two agree, or the one that is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.commands.evaluate.options import (
    EvaluateOptions,
    NamedSystems,
    named_systems,
    require_single_folders,
    unique_systems,
)


def test_a_folder_is_called_as_it_is_or_as_it_is_told(tmp_path: Path) -> None:
    first, second = tmp_path / "one" / "audio", tmp_path / "two" / "audio"
    for folder in (first, second, tmp_path / "a=b"):
        folder.mkdir(parents=True)
    assert named_systems([str(first)]) == NamedSystems(folders={"audio": first})
    assert named_systems([str(first), str(second)]).folders == {"one/audio": first, "two/audio": second}
    assert named_systems([f"mine={first}", str(second)]).folders == {"mine": first, "two/audio": second}
    assert list(named_systems([str(tmp_path / "a=b")]).folders) == ["a=b"]  # a folder of that name, no b called a


def test_a_name_again_is_another_seed_of_the_system() -> None:
    named = named_systems(["a=one", "b=x", "a=two", "a=three"])
    seeds = ("a, seed 1", "a, seed 2", "a, seed 3")
    assert named.folders == {seeds[0]: Path("one"), "b": Path("x"), seeds[1]: Path("two"), seeds[2]: Path("three")}
    assert named.seeds == {"a": seeds}
    options = EvaluateOptions(systems=named.folders, seeds=named.seeds, reference=Path("r"), cache=Path("c"))
    assert options.folders_of == {"a": seeds, "b": ("b",)}
    with pytest.raises(UsageError, match="av-benchmark takes one folder of a system; 'a' is given 3 times"):
        require_single_folders(named, "av-benchmark")
    assert require_single_folders(named_systems(["a=one"]), "x") == {"a": Path("one")}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["x=one", "x=one"], "x=one: is named twice; give the folder of another seed"),
        (["x=one", "x=a/../one"], "is named twice"),
        (["x=one", "x"], "the name 'x' is taken; give it another one: NAME=x"),
        (["x", "x=one"], "the name 'x' is taken"),
        (["x=one", "x=two", "x, seed 1=three"], "the name 'x, seed 1' is taken"),
        (["x, seed 2=three", "x=one", "x=two"], "the name 'x, seed 2' is taken"),
        (["truth=one", "truth=two"], "the name 'truth, seed 1' is taken"),
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
    assert unique_systems(named).folders == {"cfg=4.5": Path("one"), "two": Path("two")}
