"""A command's log lines are on stderr once, and only until it ends."""

from __future__ import annotations

import logging

import pytest

from flows.terminal_log import LINES, hide_log_lines, show_log_lines


def test_a_line_is_shown_once_by_its_level_and_not_after_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        show_log_lines()
    logging.getLogger(LINES).info("done")
    logging.getLogger("tasks.some.module").info("detail")
    logging.getLogger("model").warning("clipped")
    assert capsys.readouterr().err == "done\nclipped\n"
    hide_log_lines()
    logging.getLogger(LINES).warning("later")
    assert capsys.readouterr().err == ""


def test_handlers_of_others_are_left_alone() -> None:
    other, logger = logging.NullHandler(), logging.getLogger(LINES)
    logger.addHandler(other)
    try:
        show_log_lines()
        hide_log_lines()
        assert other in logger.handlers
    finally:
        logger.removeHandler(other)
