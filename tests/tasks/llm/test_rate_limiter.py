"""Additive increase, multiplicative decrease, and the waits that the server asks for."""

from __future__ import annotations

import asyncio
import email.utils
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.llm.rate_limiter import RateLimiter, duration_s, retry_after_s
from tests.tasks.llm.harness import FakeTime


@given(st.lists(st.booleans(), max_size=200), st.integers(1, 64))
def test_the_limit_stays_between_one_and_the_most(outcomes: list[bool], most: int) -> None:
    time = FakeTime()
    limiter = RateLimiter(most, 0.5, time.clock, time.sleep)
    for good in outcomes:
        time.now += 1
        limiter.succeeded({}) if good else limiter.limited(time.now, 0.0)
        assert 1 <= limiter.limit <= most


def test_requests_in_flight_together_halve_it_once() -> None:
    time = FakeTime()
    limiter = RateLimiter(32, 0.5, time.clock, time.sleep)
    started = time.now - 1
    for _ in range(10):
        limiter.limited(started, 0.0)
    assert limiter.limit == 16
    time.now += 5
    limiter.limited(time.now, 0.0)
    assert limiter.limit == 8


def test_a_pause_is_logged_once_for_a_round_with_its_length(caplog: pytest.LogCaptureFixture) -> None:
    time = FakeTime()
    limiter = RateLimiter(32, 0.5, time.clock, time.sleep)
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            limiter.limited(time.now - 1, 120.0)
            time.now += 0.1
    assert caplog.messages == ["the server limits the rate: no request for 120.0 s, then 16 at a time"]


def test_a_round_of_successes_adds_one() -> None:
    limiter = RateLimiter(32, 0.5)
    limiter.limit = 8.0
    for _ in range(8):
        limiter.succeeded({})
    assert 8.9 < limiter.limit < 9


def test_no_more_than_the_limit_run_and_a_pause_delays_all() -> None:
    time = FakeTime()

    async def run() -> tuple[int, list[float]]:
        limiter = RateLimiter(8, 0.5, time.clock, time.sleep)
        limiter.limit = 2.9
        limiter.pause(30)
        now = most = 0
        starts = []

        async def one() -> None:
            nonlocal now, most
            async with limiter.slot() as started:
                starts.append(started)
                now += 1
                most = max(most, now)
                await asyncio.sleep(0.001)
                now -= 1

        await asyncio.gather(*(one() for _ in range(12)))
        return most, starts

    begun = time.now
    most, starts = asyncio.run(run())
    assert most == 2
    assert min(starts) >= begun + 30


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "6m0s"}, 0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "soon"}, 0),
    ],
)
def test_a_quota_that_has_run_out_is_waited_for(headers: dict[str, str], seconds: float) -> None:
    time = FakeTime()

    async def run() -> float:
        limiter = RateLimiter(4, 0.5, time.clock, time.sleep)
        limiter.succeeded(headers)
        async with limiter.slot() as started:
            return started

    begun = time.now
    assert asyncio.run(run()) - begun == pytest.approx(seconds)


def test_every_form_of_retry_after_is_understood() -> None:
    date = email.utils.formatdate(1_000_030, usegmt=True)
    assert retry_after_s({"retry-after": "12"}) == 12
    assert retry_after_s({"retry-after-ms": "250", "retry-after": "1"}) == 0.25
    assert retry_after_s({"retry-after": date}, now=lambda: 1_000_000.0) == pytest.approx(30)
    assert retry_after_s({}) is None
    for odd in ("soon", "-5", "nan", "inf", ""):
        assert retry_after_s({"retry-after": odd}) is None


@given(st.text(max_size=20))
def test_any_duration_is_a_number_of_seconds_or_none(text: str) -> None:
    found = duration_s(text)
    assert found is None or found >= 0
