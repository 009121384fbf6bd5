"""SIGTERM ends a command soon, also when whoever handles it never comes to an end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import REPOSITORY

STUCK = """
import signal, sys, time
from flows.termination import end_on_sigterm
end_on_sigterm(grace_s=0.5)
signal.signal(signal.SIGTERM, lambda *_: {handler})
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(("handler", "code"), [("time.sleep(60)", 143), ("sys.exit(7)", 7)])
def test_sigterm_ends_the_process_in_good_order_or_soon(handler, code):
    command = [sys.executable, "-c", STUCK.format(handler=handler)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert time.monotonic() - started < 20
    assert errors == ("" if code == 7 else "error: terminated; the same command continues where this one stopped\n")
