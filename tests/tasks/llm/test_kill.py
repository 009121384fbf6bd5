"""SIGKILL in the middle of a run: nothing that was paid is paid again. SPEC A6."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data_contracts import Augmented, Caption, read_table, write_table
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.recaption.stage import RecaptionStage
from tests.tasks.llm.fake_server import Reply, fake_server
from tests.tasks.llm.harness import config
from tests.tasks.recaption.test_stage import ROWS, good

CHILD = """
import sys
from pathlib import Path
from tasks.engine import run_stage
from tasks.llm.config import LLMConfig
from tasks.recaption.stage import RecaptionStage
from tasks.engine.workspace import Workspace
stage = RecaptionStage(LLMConfig(backend="endpoint", model="m", concurrency=2))
run_stage(stage, Workspace(Path(sys.argv[1])), shard_size=4)
"""


def test_a_killed_run_calls_only_for_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path / "w")
    write_table(workspace.table("augment", "augmented"), Augmented, ROWS)
    reached = threading.Event()

    def behave(request: dict[str, Any], number: int) -> Reply:
        if number == 8:
            reached.set()
        return replace(good(request), delay_s=0.0 if number < 8 else 30.0)

    with fake_server(behave) as server:
        env = {
            **os.environ,
            "OPENAI_BASE_URL": server.url,
            "OPENAI_API_KEY": "k",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(workspace.root)], env=env)
        assert reached.wait(60)
        child.send_signal(signal.SIGKILL)
        child.wait()
    with fake_server(good) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        run_stage(RecaptionStage(config(when_down="auto")), workspace)
        # Seven were answered; the one or two in flight were not, so they are asked again.
        assert len(ROWS) - 1 - 7 <= len(server.requests) <= len(ROWS) - 1 - 6
    assert {row.source for row in read_table(workspace.table("recaption", "captions"), Caption)} == {"llm", "original"}
