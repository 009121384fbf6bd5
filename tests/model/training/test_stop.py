"""A signal during a training takes effect after the block, and only then; a second Ctrl-C at once."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from model.training.stop import StopSignals


@pytest.fixture
def heard(monkeypatch):
    """The signals that reach the handlers outside of the block."""
    found = []
    before = {
        one: signal.signal(one, lambda number, _: found.append(number)) for one in (signal.SIGINT, signal.SIGTERM)
    }
    yield found
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_of_the_block(heard, number):
    with StopSignals() as stop:
        assert not stop()
        signal.raise_signal(number)
        assert stop() and heard == []
    assert heard == [number]


def test_without_a_signal_nothing_happens_and_handlers_are_as_before(heard):
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with StopSignals():
        pass
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    assert heard == []


def test_a_second_ctrl_c_takes_effect_at_once_where_one_person_waits(heard):
    with StopSignals() as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert heard == [signal.SIGINT]
        assert stop()


def test_a_launcher_may_send_its_signal_twice(heard):
    with StopSignals(impatient=False):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert heard == []
    assert heard == [signal.SIGTERM], "the last one"


def test_an_error_in_the_block_is_not_replaced_by_the_signal(heard):
    with pytest.raises(ValueError, match="own"), StopSignals():
        signal.raise_signal(signal.SIGTERM)
        raise ValueError("own")
    assert heard == []


def test_a_timer_that_listens_for_signals_starts_at_the_end_of_the_block(heard):
    read, write = os.pipe()
    for end in (read, write):
        os.set_blocking(end, False)
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        with StopSignals():
            signal.raise_signal(signal.SIGTERM)
            with pytest.raises(BlockingIOError):
                os.read(read, 8)
        assert os.read(read, 8) == bytes([signal.SIGTERM])
    finally:
        signal.set_wakeup_fd(before)


def test_outside_of_the_main_thread_signals_stay_as_they_are(heard):
    seen = []

    def work():
        with StopSignals() as stop:
            seen.append(stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
