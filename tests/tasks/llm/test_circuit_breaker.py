"""The circuit breaker: it opens when most requests fail, probes once at a time, and then closes or gives up."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.llm.circuit_breaker import LEAST, CircuitBreaker, DownError
from tests.tasks.llm.harness import FakeTime


def breaker(time: FakeTime, probes: int = 3) -> CircuitBreaker:
    return CircuitBreaker(10.0, probes, time.clock, time.sleep)


def test_the_breaker_lets_exactly_one_probe_through_and_closes_on_success() -> None:
    time = FakeTime()

    async def run() -> list[bool]:
        one = breaker(time)
        for _ in range(LEAST):
            one.failure("no", probe=await one.permit())
        assert not one.closed
        permits = []

        async def ask() -> None:
            probe = await one.permit()
            permits.append(probe)
            await asyncio.sleep(0.001)
            one.success(probe=probe)

        await asyncio.gather(*(ask() for _ in range(10)))
        assert one.closed
        return permits

    begun = time.now
    permits = asyncio.run(run())
    assert permits.count(True) == 1
    assert permits[0]
    assert time.now >= begun + 10


def test_failed_probes_wait_longer_and_then_the_server_is_down() -> None:
    time = FakeTime()

    async def run() -> int:
        one, sent = breaker(time), 0
        while True:
            probe = await one.permit()
            sent += 1
            one.failure("no", probe=probe)

    begun = time.now
    with pytest.raises(DownError, match="no"):
        asyncio.run(run())
    assert time.now - begun == pytest.approx(10 + 20 + 40)


def test_a_probe_that_was_given_up_does_not_block_the_next() -> None:
    time = FakeTime()

    async def run() -> bool:
        one = breaker(time)
        for _ in range(LEAST):
            one.failure("no", probe=False)
        assert await one.permit()
        one.cancelled(probe=True)
        return await one.permit()

    assert asyncio.run(run())


def test_one_failure_in_five_never_opens_it() -> None:
    time, chance = FakeTime(), random.Random(3)
    one = breaker(time)
    opened = 0
    for _ in range(20_000):
        one.success(probe=False) if chance.random() > 0.2 else one.failure("no", probe=False)
        opened += not one.closed
        if not one.closed:
            one.success(probe=True)
    assert opened <= 1


ENDS = st.lists(st.sampled_from(["success", "failure", "cancelled"]), max_size=80)


@given(ENDS, st.integers(0, 3))
def test_at_most_one_probe_is_out_and_down_is_final(ends: list[str], probes: int) -> None:
    """Requests one after the other, each with any end."""
    time = FakeTime()

    async def run() -> None:
        one, failed_probes = breaker(time, probes), 0
        for end in ends:
            if one.down:
                assert failed_probes == probes
                with pytest.raises(DownError, match="no"):
                    await one.permit()
                continue
            probe = await one.permit()
            assert probe != one.closed
            if end == "success":
                one.success(probe=probe)
                assert one.closed
                failed_probes = 0
            elif end == "failure":
                one.failure("no", probe=probe)
                failed_probes += probe
                assert not (probe and one.closed)
            else:
                one.cancelled(probe=probe)
                assert one.closed != probe

    asyncio.run(run())


def test_requests_in_flight_when_it_opens_do_not_count_once_more() -> None:
    time = FakeTime()
    one = breaker(time)
    for _ in range(LEAST):
        one.failure("no", probe=False)
    assert not one.closed
    for _ in range(100):
        one.failure("late", probe=False)
        one.success(probe=False)
    assert not one.closed
    assert not one.down


def test_who_waits_for_a_probe_learns_that_the_server_is_down() -> None:
    time = FakeTime()

    async def run() -> list[object]:
        one = breaker(time)
        for _ in range(LEAST):
            one.failure("no", probe=False)
        assert await one.permit()
        waiting = [asyncio.ensure_future(one.permit()) for _ in range(3)]
        await asyncio.sleep(0.001)
        one.give_up("the process ended")
        return await asyncio.gather(*waiting, return_exceptions=True)

    assert [str(error) for error in asyncio.run(run()) if isinstance(error, DownError)] == ["the process ended"] * 3
