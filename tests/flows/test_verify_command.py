"""`foleygenex verify`: draws the sheet, then says what the raters found."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows import cli
from tasks.commands.verify import job
from tasks.engine.workspace import Workspace
from tests.tasks.commands.verify.build import verified


@pytest.fixture
def run(tmp_path: Path) -> Workspace:
    workspace = verified(tmp_path, per_side=1)
    (workspace.root / "config.yaml").write_text("{}")
    return workspace


def test_the_sheet_is_drawn_once_and_anew_when_asked(run: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["verify", str(run.root)]) == 0
    assert "no answers yet; `foleygenex verify WORKSPACE --rate NAME` opens the page" in capsys.readouterr().out
    entry = job.current_sheet(run)[0]
    job.rating_page(run, [entry], "anna").ratings.set(entry.item_id, "yes")
    assert cli.exit_code(["verify", str(run.root)]) == 0 and "rater anna" in capsys.readouterr().out
    assert cli.exit_code(["verify", str(run.root), "--redraw"]) == 2
    assert "has 1 answers to this sheet; move that folder away first" in capsys.readouterr().err


def test_a_rater_gets_a_page_of_their_own(run: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[str, int]] = []
    monkeypatch.setattr(job, "rate", lambda _workspace, rater, port, _echo: served.append((rater, port)))
    assert cli.exit_code(["verify", str(run.root), "--rate", "anna", "--port", "9000"]) == 0
    assert served == [("anna", 9000)] and len(job.current_sheet(run)) > 5


@pytest.mark.parametrize(
    ("more", "message"), [(["--rate", "  "], "the rater's name is empty"), (["--port", "0"], "--port")]
)
def test_wrong_input_is_exit_code_2(
    run: Workspace, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert cli.exit_code(["verify", str(run.root), *more]) == 2
    assert message in capsys.readouterr().err
