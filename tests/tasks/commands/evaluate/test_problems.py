"""Problems of the files: which are allowed, what each message says, and how many clips it names."""

from __future__ import annotations

import pytest

from data_contracts import UsageError
from tasks.commands.evaluate.problems import (
    KINDS,
    InputProblemsError,
    Problem,
    allowed_kinds,
    listing,
    require_allowed,
)


def problems(kind: str, count: int, where: str = "a") -> list[Problem]:
    return [Problem(kind=kind, where=where, name=f"clip{number:03d}", detail="why") for number in range(count)]


def test_kinds_are_named_one_by_one_in_a_list_or_all() -> None:
    assert allowed_kinds(()) == frozenset()
    assert allowed_kinds(["missing, short", "stereo"]) == {"missing", "short", "stereo"}
    assert allowed_kinds(["all"]) == set(KINDS)
    with pytest.raises(UsageError, match="--allow typo: is no kind of problem; known are missing, extra"):
        allowed_kinds(["missing,typo"])


def test_only_kinds_that_are_not_allowed_end_the_command_with_code_1() -> None:
    found = [*problems("missing", 2), *problems("stereo", 1, "reference")]
    require_allowed(found, frozenset({"missing", "stereo"}))
    with pytest.raises(InputProblemsError, match=r"1 stereo in reference \(e.g. clip000\).*--allow stereo$") as raised:
        require_allowed(found, frozenset({"missing"}))
    assert raised.value.exit_code == 1 and raised.value.problems == tuple(found[2:])


def test_every_clip_is_listed_by_name_the_first_20_of_many() -> None:
    lines = listing([*problems("short", 23), *problems("missing", 1, "b")], "out/problems.csv")
    assert lines[0] == f"b: 1 clip missing: {KINDS['missing']}" and lines[1] == "  clip000: why"
    assert lines[2].startswith("a: 23 clips short") and lines[-1] == "  and 3 more, all in out/problems.csv"
    assert len(lines) == 2 + 1 + 20 + 1
