"""Which faults are tried again, how often, and after how long."""

from __future__ import annotations

import errno

import httpx
import pytest

from data_contracts import FoleyGenExError, ServiceError, TrainingError, UsageError
from flows import retries
from flows.retries import CrashedRunError, may_pass, retried


class Work:
    """Raises each of the faults in turn, then returns 7."""

    def __init__(self, *faults: Exception) -> None:
        self.faults, self.calls = list(faults), 0

    def __call__(self) -> int:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        return 7


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(retries.time, "sleep", found.append)
    return found


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(retries, "announce", found.append)
    return found


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (ServiceError("the endpoint fails"), True),
        (CrashedRunError("deployment train/train ended as Crashed"), True),
        (httpx.ConnectError("refused"), True),
        (OSError(errno.ESTALE, "stale file handle"), True),
        (ConnectionResetError(errno.ECONNRESET, "reset"), True),
        (OSError(errno.ENOSPC, "no space left on device"), False),
        (FileNotFoundError(errno.ENOENT, "gone"), False),
        (UsageError("a wrong setting"), False),
        (TrainingError("the loss is not finite"), False),
        (FoleyGenExError("deployment train/train ended as Failed"), False),
        (ZeroDivisionError("a bug"), False),
    ],
)
def test_faults_of_services_networks_and_workers_may_pass(error: Exception, passing: bool) -> None:
    assert may_pass(error) is passing


def test_a_fault_that_passes_is_tried_again_later_and_later(slept: list[float], said: list[str]) -> None:
    work = Work(ServiceError("away"), CrashedRunError("killed"))
    assert retried(work, name="train", retries=2) == 7
    assert slept == [60, 120]
    assert said == ["train: away; retry 1 of 2 in 1 min", "train: killed; retry 2 of 2 in 2 min"]


def test_the_last_fault_is_raised(slept: list[float]) -> None:
    work = Work(*(ServiceError(f"fault {number}") for number in range(3)))
    with pytest.raises(ServiceError, match="fault 1"):
        retried(work, name="train", retries=1)
    assert (work.calls, len(slept)) == (2, 1)


def test_without_retries_and_for_other_faults_nothing_is_tried_again(slept: list[float]) -> None:
    for work, count in ((Work(ServiceError("away")), 0), (Work(UsageError("wrong")), 5)):
        with pytest.raises(FoleyGenExError):
            retried(work, name="train", retries=count)
        assert work.calls == 1
    assert slept == []
