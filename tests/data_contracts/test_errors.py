"""The errors' family: one root, exit codes that scripts rely on, and messages that survive other processes."""

from __future__ import annotations

import pickle

import pytest

from data_contracts import errors
from data_contracts.errors import FoleyGenExError, ItemError, MismatchError, UsageError, WeightsError

FAMILY = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FoleyGenExError)]


def made(kind: type[FoleyGenExError]) -> FoleyGenExError:
    return kind("not_audio", "text.wav is not audio") if kind is ItemError else kind("text.wav is not audio")


@pytest.mark.parametrize("kind", FAMILY)
def test_an_error_says_its_message_and_nothing_else(kind: type[FoleyGenExError]) -> None:
    assert str(made(kind)) == "text.wav is not audio"


@pytest.mark.parametrize("kind", [kind for kind in FAMILY if kind is not ItemError])
def test_an_error_comes_back_whole_from_a_worker_process(kind: type[FoleyGenExError]) -> None:
    again = pickle.loads(pickle.dumps(made(kind)))
    assert type(again) is kind and str(again) == str(made(kind))


@pytest.mark.parametrize("kind", FAMILY)
def test_exit_codes_tell_wrong_usage_from_failure(kind: type[FoleyGenExError]) -> None:
    users_to_mend = issubclass(kind, UsageError | MismatchError | WeightsError)
    assert kind.exit_code == (2 if users_to_mend else 1)


@pytest.mark.parametrize("kind", FAMILY)
def test_every_error_says_when_it_is_raised(kind: type[FoleyGenExError]) -> None:
    assert (kind.__doc__ and kind.__doc__ != FoleyGenExError.__doc__) or kind is FoleyGenExError


def test_a_class_is_found_by_its_name_and_nothing_else_is() -> None:
    assert [errors.error_class(kind.__name__) for kind in FAMILY if kind is not ItemError] == [
        kind for kind in FAMILY if kind is not ItemError
    ]
    for name in ("ItemError", "ZeroDivisionError", "masked", "annotations", "os.system", ""):
        assert errors.error_class(name) is None
