"""The `foleygenex` command, also as `python -m foleygenex`."""

from __future__ import annotations

import sys

import foleygenex


def main() -> None:
    """Runs the command line and exits; a folder that hides one of this project's packages is named in one line."""
    if foleygenex.HIDDEN_BY:
        sys.stderr.write(f"error: {foleygenex.HIDDEN_BY}\n")
        sys.exit(2)
    from flows.cli import main as run

    run()


if __name__ == "__main__":
    main()
