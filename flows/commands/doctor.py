"""`foleygenex doctor`: looks at what a run needs before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from data_contracts.errors import UsageError
from data_contracts.quantities import counted

_COLOURS: Final = {"ok": "green", "warning": "yellow", "missing": "red"}


def doctor(
    config: Annotated[Path, typer.Argument(help="YAML config, or a shipped one's name: demo, paper")] = Path("demo"),
    set_: Annotated[list[str] | None, typer.Option("--set", help="a setting, e.g. llm.backend=rules")] = None,
) -> None:
    """Look at corpus, files, weights, device, language model, programs and disk; say what mends what is missing."""
    from tasks.commands.doctor import examine
    from tasks.config import PipelineConfig, config_path

    checks = examine(PipelineConfig.load(config_path(config), set_ or []))
    for check in checks:
        typer.echo(typer.style(check.line(), fg=_COLOURS[check.status]))
    if failed := sum(not check.good for check in checks):
        raise UsageError(f"{counted(failed, 'need')} of {config} not met; the lines above say what mends them")
