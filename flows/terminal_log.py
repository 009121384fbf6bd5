"""Which log lines a command shows in the terminal; they are shown until the command ends."""

from __future__ import annotations

import logging
from typing import Final

LINES: Final = "foleygenex"  # the logger of the lines that a terminal shows; silent unless the command line listens
_LEVELS: Final = {
    LINES: logging.INFO,
    "tasks": logging.WARNING,
    "tasks.engine.choices": logging.INFO,  # what `auto` was at a workspace's first run
    "model": logging.WARNING,
}


class _TerminalHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic for a type checker only
    """Writes a logger's lines on stderr; a class of its own so that it can be told from others' handlers."""


def show_log_lines() -> None:
    """Shows the stages' log lines on stderr, each once however often this is called."""
    hide_log_lines()
    for name, level in _LEVELS.items():
        handler = _TerminalHandler()
        handler.setLevel(level)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)


def hide_log_lines() -> None:
    """Ends what `show_log_lines` began."""
    for name in _LEVELS:
        logger = logging.getLogger(name)
        for handler in [one for one in logger.handlers if isinstance(one, _TerminalHandler)]:
            logger.removeHandler(handler)
