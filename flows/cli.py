"""The `foleygenex` command and its exit codes: 0 done, 1 failed, 2 wrong usage or bad input.

Commands import what they need when they run, so that `foleygenex --help` is quick.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from data_contracts.errors import FoleyGenExError, UsageError
from data_contracts.secrets import masked
from flows.commands.app import app as open_app
from flows.commands.clean import clean
from flows.commands.compare import compare
from flows.commands.convert import convert
from flows.commands.deploy import deploy
from flows.commands.doctor import doctor
from flows.commands.ema import ema
from flows.commands.evaluate import evaluate
from flows.commands.export import export
from flows.commands.generate import generate
from flows.commands.mine_captions import mine_captions
from flows.commands.quarantine import quarantine
from flows.commands.regenerate import regenerate
from flows.commands.serve import serve
from flows.commands.up import down, up
from flows.commands.verify import verify
from flows.commands.weights import fetch_llm, fetch_parser, weights
from flows.commands.worker import worker
from flows.locations import existing
from flows.settings import bypass_proxies_for_loopback
from flows.terminal_log import hide_log_lines
from flows.termination import INTERRUPTED_LINE, end_on_signals

app = typer.Typer(
    help="Generate audio for silent video, and run the pipeline that makes the training data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
WorkspaceOption = Annotated[Path | None, typer.Option("--workspace", "-w", help="folder of the run")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="a setting, e.g. train.steps=100; repeatable")]
WorkspaceArgument = Annotated[Path, typer.Argument(help="folder of a run")]
DEMO: Final = "demo.yaml"
_BESIDES_STAGES: Final = ("all", "ablations", "claims", "train-codec", "train-judge")
_INTERRUPTED: Final = 130  # what typer returns for Ctrl-C


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"foleygenex {version('foleygenex')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="show tracebacks")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="say which release this is", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Generate audio for silent video, and run the pipeline that makes the training data."""


@app.command()
def demo(
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help="folder of the run")] = Path("workspace"),
    llm: Annotated[str, typer.Option(help="who writes captions: auto, embedded, rules or endpoint")] = "auto",
    set_: SetOption = None,
) -> None:
    """Run the whole pipeline on the built-in corpus, on CPU, in minutes; ends with the report."""
    from flows.run import run_demo
    from tasks.config import PipelineConfig, shipped_config

    overrides = [_workspace_setting(workspace), f"llm.backend={llm}", *(set_ or [])]
    run_demo(PipelineConfig.load(shipped_config(DEMO), overrides))


@app.command()
def plan(
    config: Annotated[Path, typer.Argument(help="YAML config, or a shipped one's name: demo, paper")],
    set_: SetOption = None,
    price_in: Annotated[float | None, typer.Option(min=0, help="per million prompt tokens")] = None,
    price_out: Annotated[float | None, typer.Option(min=0, help="per million answer tokens")] = None,
    sizes: Annotated[
        bool,
        typer.Option("--sizes", help="also features, training, hours: runs each part on a few recordings"),
    ] = False,
    gpu_tflops: Annotated[
        float | None, typer.Option(min=0.001, help="10^12 FLOP/s that one of your GPUs reaches, for --sizes")
    ] = None,
) -> None:
    """Say what a run would take, before anything runs: items, hours of audio, disk, LLM calls, tokens and money."""
    from tasks.commands.estimate import estimate
    from tasks.config import PipelineConfig, config_path, require_corpus

    loaded = PipelineConfig.load(config_path(config), set_ or [])
    require_corpus(loaded, str(config))
    typer.echo(estimate(loaded, price_in=price_in, price_out=price_out, sizes=sizes, gpu_tflops=gpu_tflops).text())


def _known_stage(stage: str) -> str:
    """Returns what `run` runs. Raises UsageError for an unknown one, before a missing config is asked for."""
    from tasks.pipeline import find_step

    if stage not in _BESIDES_STAGES:
        find_step(stage, besides=_BESIDES_STAGES)
    return stage


@app.command()
def run(
    stage: Annotated[
        str,
        typer.Argument(help="a stage, all, ablations, claims, train-codec or train-judge", callback=_known_stage),
    ],
    config: Annotated[
        Path, typer.Argument(help="YAML config, or a shipped one's name: demo, paper, claims, codec, judge")
    ],
    workspace: WorkspaceOption = None,
    set_: SetOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="train-codec, train-judge: the file to write; default: codec or judge.safetensors"),
    ] = None,
    verify_files: Annotated[bool, typer.Option("--verify-files", help="read all files, heal damaged ones")] = False,
    until: Annotated[str, typer.Option(help="with all: the last stage to run")] = "",
    only: Annotated[list[str] | None, typer.Option(help="with all: run only this stage; repeatable")] = None,
    wait: Annotated[
        float, typer.Option(min=0, metavar="MINUTES", help="wait so long while another run uses the workspace")
    ] = 0,
) -> None:
    """Run one stage or all of them. Finished work is left alone; an interrupted run continues."""
    from flows.run import (
        run_ablation_table,
        run_all,
        run_claims_test,
        run_codec,
        run_judge,
        run_one,
        run_paper_table,
    )
    from tasks.config import PipelineConfig, config_path, require_corpus

    comparisons = {"ablations": run_ablation_table, "claims": run_claims_test}
    trainings = {"train-codec": run_codec, "train-judge": run_judge}
    if verify_files and stage in (*comparisons, *trainings):
        raise UsageError(f"--verify-files is for a stage or all, not for {stage}")
    if wait and stage in trainings:
        raise UsageError(f"--wait is for what has a workspace, not for {stage}")
    if (until or only) and stage != "all":
        raise UsageError(f"--until and --only are for all, not for {stage}")
    if stage in trainings:
        trainings[stage](config_path(config), set_ or [], out or Path(f"{stage.removeprefix('train-')}.safetensors"))
        return
    overrides = [_workspace_setting(workspace)] if workspace else []
    loaded = PipelineConfig.load(config_path(config), [*overrides, *(set_ or [])])
    if stage in ("all", "ingest"):
        require_corpus(loaded, str(config))
    if stage == "all":
        run_all(loaded, verify_files=verify_files, until=until, only=tuple(only or ()), wait_minutes=wait)
    elif stage in comparisons:
        comparisons[stage](loaded, wait_minutes=wait)
    elif stage == "evaluate" and loaded.evaluate.table is not None:
        if verify_files:
            raise UsageError("--verify-files is for a stage or all, not for a table of the paper")
        run_paper_table(loaded, wait_minutes=wait)
    else:
        run_one(stage, loaded, verify_files=verify_files, wait_minutes=wait)


@app.command()
def status(
    workspace: WorkspaceArgument,
    verify: Annotated[bool, typer.Option("--verify", help="read all files, count missing and damaged ones")] = False,
) -> None:
    """Say per stage what is done, pending and quarantined, and what a rerun would do."""
    from flows.status import status_text

    typer.echo(status_text(existing(workspace), verify=verify))


@app.command("retry-quarantine")
def retry_quarantine(workspace: WorkspaceArgument, stage: Annotated[str, typer.Argument(help="a stage")]) -> None:
    """Process again what is in a stage's quarantine, what rules wrote in the model's place, and what is unfinished."""
    from flows.run import run_one
    from tasks.config import load_stored
    from tasks.engine.workspace import Workspace
    from tasks.pipeline import find_step

    find_step(stage)
    run_one(stage, load_stored(Workspace(existing(workspace))), retry=True)


app.command()(generate)
app.command()(evaluate)
app.command("app")(open_app)
app.command()(verify)
app.command()(compare)
app.command()(serve)
app.command()(weights)
app.command()(regenerate)
app.command()(export)
app.command()(convert)
app.command()(ema)
app.command("mine-captions")(mine_captions)
app.command()(doctor)
app.command()(deploy)
app.command()(up)
app.command()(down)
app.command()(worker)
app.command()(quarantine)
app.command()(clean)
app.command("fetch-llm")(fetch_llm)
app.command("fetch-parser")(fetch_parser)


def _workspace_setting(folder: Path) -> str:
    """Returns the override for a folder; in quotes, so that one that is named 2024 is no number."""
    return f"workspace={json.dumps(str(folder))}"


def print_line(line: str) -> None:
    """Writes a line on stderr."""
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Runs the command line and exits. Errors are one line on stderr; `--debug` shows the traceback."""
    bypass_proxies_for_loopback()
    ending = end_on_signals()
    sys.exit(exit_code(sys.argv[1:], ending.say))


def exit_code(arguments: list[str], say_interrupted: Callable[[str], None] = print_line) -> int:
    """Runs the command line and returns its exit code. `--debug` may be anywhere in it."""
    debug = "--debug" in arguments
    try:
        result = app([one for one in arguments if one != "--debug"], standalone_mode=False)
        if result == _INTERRUPTED:
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except FoleyGenExError as error:
        return _fail(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        say_interrupted(INTERRUPTED_LINE)
        return 1
    except typer.Exit as error:
        return error.exit_code
    except OSError as error:  # a full disk, a folder that may not be written, a file that was deleted meanwhile
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error} (--debug shows where)", 1, debug)
    except ModuleNotFoundError as error:
        return _fail(_missing_module(error), 2, debug)
    except Exception as error:  # the one place where an unexpected error becomes a line for a person
        if hasattr(error, "format_message"):  # click's usage errors
            return _fail(error.format_message(), 2, False)
        return _fail(f"{type(error).__name__}: {error} (--debug shows where)", 1, debug)
    finally:
        hide_log_lines()  # a further command of this process shows its own


def _missing_module(error: ModuleNotFoundError) -> str:
    """Says how to install what an installation for one command alone leaves out (docs/evaluation.md)."""
    return f"this needs the Python module {error.name}, which is not installed; pip install foleygenex adds it"


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        sys.stderr.write(masked(traceback.format_exc()))
    line = " ".join(masked(message).split())
    sys.stderr.write(f"error: {line}\n")
    return code
