"""The circuit breaker: it opens when most requests fail, probes once at a time, and then closes or gives up."""

from __future__ import annotations

import asyncio
import random

import pytest

from tasks.llm.circuit_breaker import LEAST, CircuitBreaker, DownError
from tests.tasks.llm.harness import FakeTime


def breaker(time: FakeTime, probes: int = 3) -> CircuitBreaker:
    return CircuitBreaker(10.0, probes, time.clock, time.sleep)


def test_the_breaker_lets_exactly_one_probe_through_and_closes_on_success():
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


def test_failed_probes_wait_longer_and_then_the_server_is_down():
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


def test_a_probe_that_was_given_up_does_not_block_the_next():
    time = FakeTime()

    async def run() -> bool:
        one = breaker(time)
        for _ in range(LEAST):
            one.failure("no", probe=False)
        assert await one.permit()
        one.cancelled(probe=True)
        return await one.permit()

    assert asyncio.run(run())


def test_one_failure_in_five_never_opens_it():
    time, chance = FakeTime(), random.Random(3)
    one = breaker(time)
    opened = 0
    for _ in range(20_000):
        one.success(probe=False) if chance.random() > 0.2 else one.failure("no", probe=False)
        opened += not one.closed
        if not one.closed:
            one.success(probe=True)
    assert opened <= 1
