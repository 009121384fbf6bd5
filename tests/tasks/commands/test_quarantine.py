"""The quarantine in the terminal: counts that add up, reasons with advice, harmless text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from data_contracts import Quarantine, UsageError, write_table
from flows import cli
from tasks.commands.quarantine import ADVICE, quarantine_text
from tasks.config import PipelineConfig, store
from tasks.engine.workspace import Workspace
from tests.conftest import REPOSITORY


def failure(stage: str, number: int, reason: str, message: str = "why") -> Quarantine:
    return Quarantine(stage=stage, item_id=f"{stage}-{number}", reason=reason, message=message)


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path)
    ingest = [failure("ingest", n, "silent") for n in range(12)] + [failure("ingest", 99, "odd", "\x1b[2Jgone\nx")]
    write_table(space.table("ingest", "quarantine"), Quarantine, ingest)
    write_table(space.table("augment", "quarantine"), Quarantine, [failure("augment", 1, "tool_failed", "sox: no")])
    store(PipelineConfig(), space)
    return space


def test_all_stages_in_their_order_with_counts_that_add_up(space: Workspace) -> None:
    text = quarantine_text(space, most=2)
    assert text.splitlines()[0] == f"{space.root}: 14 items in quarantine"
    heads = re.findall(r"^(\w+): (\d+) items? (\w+)", text, re.MULTILINE)
    assert heads == [("ingest", "1", "odd"), ("ingest", "12", "silent"), ("augment", "1", "tool_failed")]
    assert ADVICE["silent"] in text and "and 10 more in ingest/quarantine.parquet (--most 12)" in text
    assert "\x1b" not in text and "ingest-99   [2Jgone x" in text
    assert text.endswith(f"again: foleygenex retry-quarantine {space.root} STAGE")


def test_one_stage_alone_and_one_that_can_have_none(space: Workspace) -> None:
    text = quarantine_text(space, "augment")
    assert text.startswith(f"{space.root} augment: 1 item in quarantine\n\naugment: 1 item tool_failed")
    assert "ingest" not in text and text.endswith(f"retry-quarantine {space.root} augment")
    assert quarantine_text(space, "mine") == f"{space.root} mine: 0 items in quarantine"
    with pytest.raises(UsageError, match="stage train has no items, so no quarantine"):
        quarantine_text(space, "train")
    with pytest.raises(UsageError, match="unknown stage 'mines'"):
        quarantine_text(space, "mines")


def test_advice_is_for_reasons_that_exist() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (REPOSITORY / "tasks").rglob("*.py"))
    assert [reason for reason in ADVICE if code.count(f'"{reason}"') < 2] == []


def test_the_command(space: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["quarantine", str(space.root), "augment"]) == 0
    assert "sox: no" in capsys.readouterr().out
    assert cli.exit_code(["quarantine", str(space.root / "none")]) == 2
