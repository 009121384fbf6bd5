"""`foleygenex generate`: audio for one video or prompt, a folder of videos, or a table of jobs (SPEC G1-G8)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from data_contracts.errors import FoleyGenExError, UsageError
from data_contracts.generation import BUILTIN, TASKS

if TYPE_CHECKING:
    from tasks.commands.generate.options import GenerateOptions

CHECKPOINT_HELP: Final = (
    "a checkpoint file; builtin: the small one of this package, trained on rendered sounds; or a published network's "
    "name, e.g. mmaudio-large-44k-v2"
)
LICENCE_HELP: Final = "fetch a published network, its codec and its encoders: you have read their licences"
TASK_HELP: Final = f"{', '.join(TASKS)}; or jobs, with a table after it"


def _known_task(task: str) -> str:
    """Returns the task. Raises UsageError for an unknown one, before a missing option is asked for."""
    if task not in (*TASKS, "jobs"):
        raise UsageError(f"task {task!r} is unknown; choose one of {TASK_HELP}")
    return task


def generate(
    task: Annotated[str, typer.Argument(help=TASK_HELP, callback=_known_task)],
    out: Annotated[Path, typer.Option(help="WAV, FLAC, MP4, MOV or MKV to write; for many files a folder")],
    checkpoint: Annotated[Path, typer.Option(help=CHECKPOINT_HELP)] = Path(BUILTIN),
    jobs: Annotated[Path | None, typer.Argument(help="jobs: CSV or JSONL, one file to generate per row")] = None,
    video: Annotated[Path | None, typer.Option(help="the silent video, or a folder of them")] = None,
    text: Annotated[str | None, typer.Option(help="what it should sound like")] = None,
    negative: Annotated[str | None, typer.Option(help="what it should not sound like, e.g. music, wind")] = None,
    original: Annotated[Path | None, typer.Option(help="edit: the audio to change; default: the video's")] = None,
    reference_audio: Annotated[
        Path | None, typer.Option(help="ac-vta, edit: the audio to imitate; fe: the one to continue")
    ] = None,
    reference_video: Annotated[Path | None, typer.Option(help="the reference audio's own video")] = None,
    surrogate: Annotated[
        str | None, typer.Option(help="in place of the reference's video: crop, repeat or blank")
    ] = None,
    window: Annotated[
        str | None, typer.Option(help="edit: seconds to regenerate, e.g. 2.0:3.5; fe: from where to the end")
    ] = None,
    duration: Annotated[float | None, typer.Option(help="seconds; default: the video's, or the model's clip")] = None,
    long: Annotated[str, typer.Option(help="auto: past 1.5 training clips in windows; off: in one window")] = "auto",
    seed: Annotated[int, typer.Option(help="same seed, same audio")] = 0,
    steps: Annotated[int, typer.Option(min=1, help="flow-matching steps (the paper: 25)")] = 25,
    cfg: Annotated[float, typer.Option(min=1.0, help="guidance scale (the paper: 4.5)")] = 4.5,
    codec: Annotated[str | None, typer.Option(help="codec name or file; default: the checkpoint's")] = None,
    variant: Annotated[str | None, typer.Option(help="a named configuration of these weights, e.g. no-sum")] = None,
    precision: Annotated[str, typer.Option(help="fp32, or bf16 for speed on a GPU")] = "fp32",
    device: Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu, cuda or cuda:1")] = "auto",
    keep_source: Annotated[
        bool,
        typer.Option(help="edit, fe: what is not generated has the source's own samples, else the codec's round trip"),
    ] = True,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="an interpretation of the paper, e.g. edit_noise=0.8; repeatable")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="jobs: files generated together")] = 16,
    accept_licence: Annotated[bool, typer.Option("--accept-licence", help=LICENCE_HELP)] = False,
) -> None:
    """Generate audio from a video, a prompt and reference audio, whichever the task needs; or many files at once."""
    from model.checkpoint import is_builtin
    from tasks.commands.generate.options import GenerateOptions, parse_window
    from tasks.commands.generate.outputs import sidecar_path
    from tasks.commands.generate.sidecar import level_line
    from tasks.commands.generate.single import generate_file
    from tasks.engine.settings import load_settings
    from tasks.engine.workspace import read_json
    from tasks.evaluate.sampling import SamplingSettings

    seconds = parse_window(window) if window else None  # before the checkpoint, which may be fetched
    options = GenerateOptions(
        task=task,
        checkpoint=named_checkpoint(checkpoint, accept_licence=accept_licence, variant=variant),
        out=out,
        video=video,
        text=text,
        negative=negative,
        original=original,
        reference_audio=reference_audio,
        reference_video=reference_video,
        surrogate=surrogate,
        window=seconds,
        duration_s=duration,
        long=long,
        seed=seed,
        steps=steps,
        cfg_scale=cfg,
        codec=codec,
        variant=variant,
        precision=precision,
        device=device,
        keep_source=keep_source,
        sampling=load_settings(SamplingSettings, None, set_ or []),
    )
    if task == "jobs" and jobs is None:
        raise UsageError("generate jobs needs a table: foleygenex generate jobs JOBS.csv --checkpoint C --out FOLDER")
    if task != "jobs" and jobs is not None:
        raise UsageError(f"task {task} takes no table of jobs; it is `generate jobs {jobs}`")
    if jobs is not None or (video is not None and video.is_dir()):
        _many(options, jobs, batch)
    else:
        out = generate_file(options)
        typer.echo(str(out))
        written = read_json(sidecar_path(out))
        typer.echo(level_line(written), err=True)
        if written["trained_on_rendered"] and not is_builtin(checkpoint):
            typer.echo("the checkpoint was trained on rendered sounds", err=True)
    say_builtin(checkpoint)


def named_checkpoint(name: Path, *, accept_licence: bool, variant: str | None) -> Path:
    """Returns a checkpoint's file; a published network's name is fetched, under a bar, and converted."""
    if name.is_file() or str(name) == BUILTIN:  # needs nothing of what follows
        return name
    from flows.progress import bar
    from tasks.weights.checkpoints import is_published, resolved_checkpoint

    if not is_published(name):
        return name
    with bar("fetch", "MB") as advance:
        return resolved_checkpoint(
            name,
            accepts_licence=accept_licence,
            named=variant,
            on_progress=lambda done, total, note: advance(done // 1_000_000, total // 1_000_000, note),
        )


def say_builtin(checkpoint: Path) -> None:
    """Says on stderr what the built-in checkpoint was trained on, when that is the one."""
    from model.checkpoint import is_builtin

    if is_builtin(checkpoint):
        typer.echo("the built-in checkpoint was trained on rendered sounds; --checkpoint names another", err=True)


def _many(options: GenerateOptions, jobs: Path | None, batch: int) -> None:
    from tasks.commands.generate.batch import FAILURES, run_requests
    from tasks.commands.generate.requests import folder_requests, read_requests
    from tasks.commands.generate.session import InferenceSession

    folder = options.out
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder} is a file; many files need a folder")
    requests = read_requests(jobs, options) if jobs is not None else folder_requests(options)
    summary = run_requests(requests, InferenceSession.of(options), folder, batch_size=batch, on_done=typer.echo)
    typer.echo(summary.line(folder))
    if summary.failed:
        raise FoleyGenExError(
            f"{summary.failed} of {summary.total} jobs failed; {folder / FAILURES} says why, the same command tries "
            f"them again"
        )
