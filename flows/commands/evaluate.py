"""`foleygenex evaluate`: folders of any model's audio scored against a reference folder (SPEC E1-E3)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from data_contracts.errors import UsageError

if TYPE_CHECKING:
    from tasks.commands.evaluate.options import EvaluateOptions
    from tasks.commands.evaluate.result import Evaluation
    from tasks.evaluate.av_benchmark.checkout import Checkout

_JUDGES_HELP: Final = (
    "auto (default): every judge whose weights are here, non-commercial ones only when named; embedded; none; names, "
    "e.g. vggish,panns; or NAME:PATH for your own file"
)


def evaluate(
    out: Annotated[Path, typer.Option(help="folder for scores.json, clips.parquet, table.tex, index.html")],
    generated: Annotated[
        list[str] | None,
        typer.Option(
            help="a folder of generated audio, DIR or NAME=DIR; repeatable: several are compared; the same NAME again "
            "is another generation seed"
        ),
    ] = None,
    reference: Annotated[Path | None, typer.Option(help="the folder of true audio; files are matched by name")] = None,
    video: Annotated[Path | None, typer.Option(help="the folder of videos, for IB-score, DeSync and PE-AV")] = None,
    captions: Annotated[
        Path | None, typer.Option(help="CSV with name, caption; also group, for intervals, and columns for --by")
    ] = None,
    events: Annotated[Path | None, typer.Option(help="CSV with name, time_s: one row per true event")] = None,
    judges: Annotated[list[str] | None, typer.Option(help=_JUDGES_HELP)] = None,
    primary: Annotated[
        list[str] | None,
        typer.Option(help="a metric that decides which system is better, named before looking; repeatable"),
    ] = None,
    by: Annotated[str | None, typer.Option(help="a column of the captions: a table for each of its values")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="score only the first seconds of each clip")] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="a kind of problem to go on with, e.g. missing,short; or all")
    ] = None,
    seed: Annotated[int, typer.Option(help="of baselines, intervals and tests")] = 7,
    device: Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu, cuda or cuda:1")] = "auto",
    generated_cache: Annotated[
        list[str] | None, typer.Option(help="in place of --generated: a cache of av-benchmark, DIR or NAME=DIR")
    ] = None,
    reference_cache: Annotated[Path | None, typer.Option(help="in place of --reference: av-benchmark's cache")] = None,
    unpaired: Annotated[bool, typer.Option("--unpaired", help="caches of different clips: no KL, IB, DeSync")] = False,
    with_av_benchmark: Annotated[
        Path | None, typer.Option(help="also run this checkout of av-benchmark, and show both numbers")
    ] = None,
    av_benchmark_python: Annotated[Path, typer.Option(help="the Python that runs it")] = Path("python3"),
    write_av_caches: Annotated[
        bool, typer.Option("--write-av-caches", help="also write what the judges said as av-benchmark's caches")
    ] = False,
) -> None:
    """Score folders of generated audio of any model against a reference folder; no workspace is needed."""
    from tasks.commands.evaluate.options import EvaluateOptions, named_systems, require_single_folders
    from tasks.commands.evaluate.primary import primary_metrics
    from tasks.commands.evaluate.problems import allowed_kinds
    from tasks.evaluate.columns import parse_judges

    if generated_cache or reference_cache:
        _caches(generated_cache, reference_cache, out, paired=not unpaired, mixed=bool(generated or reference))
        return
    if not generated or reference is None:
        raise UsageError(
            "evaluate needs --generated DIR and --reference DIR, or --generated-cache and --reference-cache"
        )
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; the scores need a folder")
    named = named_systems(generated)
    if write_av_caches or with_av_benchmark is not None:
        require_single_folders(named, "av-benchmark")
    options = EvaluateOptions(
        systems=named.folders,
        seeds=named.seeds,
        reference=reference,
        cache=out / "cache",
        video=video,
        captions=captions,
        events=events,
        judges=tuple(parse_judges(judges or ())),
        by=by,
        seconds=seconds,
        allowed=allowed_kinds(allow or ()),
        seed=seed,
        device=device,
        primary=primary_metrics(primary or ()),
    )
    if write_av_caches or with_av_benchmark is not None:
        checkout = None if with_av_benchmark is None else _checkout(with_av_benchmark, av_benchmark_python)
        found = _scored(options, out, anew=True)
        assert found is not None
        _bridge(found, options, out, checkout, write=write_av_caches)
    else:
        _scored(options, out)


def _scored(options: EvaluateOptions, out: Path, *, anew: bool = False) -> Evaluation | None:
    """Scores the folders, writes the files, says what was found.

    Returns None where the files are there already, made from the same inputs, unless they are asked for `anew`.
    """
    from dataclasses import replace

    from flows.progress import bar
    from tasks.commands.evaluate.finished import finished_text, inputs_key, remember
    from tasks.commands.evaluate.prepare import prepare
    from tasks.commands.evaluate.problems import InputProblemsError, listing, write_problems

    try:
        with bar("look", "clips") as on_progress:
            prepared = prepare(options, on_progress)
    except InputProblemsError as error:
        path = write_problems(error.problems, out)
        typer.echo("\n".join(listing(error.problems, str(path))), err=True)
        raise
    key = inputs_key(prepared, options)
    said = None if anew else finished_text(options, out, key)
    found = None
    if said is None:
        from tasks.commands.evaluate.job import evaluate_prepared
        from tasks.commands.evaluate.outputs import write_evaluation
        from tasks.commands.evaluate.terminal import text

        with bar("evaluate", "steps") as on_progress:
            found = evaluate_prepared(prepared, replace(options, on_progress=on_progress))
        paths = write_evaluation(found, out)
        said = "\n".join((text(found), "", *map(str, paths)))
        remember(options, key, paths, said)
    typer.echo(said)
    if prepared.problems:
        typer.echo("\n".join(listing(prepared.problems, str(out / "problems.csv"))), err=True)
    return found


def _caches(generated: list[str] | None, reference: Path | None, out: Path, *, paired: bool, mixed: bool) -> None:
    from tasks.commands.evaluate.bridge import score_caches
    from tasks.commands.evaluate.options import named_systems, require_single_folders

    if mixed or not generated or reference is None:
        raise UsageError("caches need --generated-cache DIR and --reference-cache DIR, and no folders of audio")
    folders = require_single_folders(named_systems(generated), "--generated-cache")
    typer.echo(score_caches(folders, reference, out, paired=paired))


def _checkout(folder: Path, python: Path) -> Checkout:
    """Returns a checkout of av-benchmark. Raises UsageError where it is none, before anything is scored."""
    from shutil import which

    from tasks.evaluate.av_benchmark.checkout import Checkout

    checkout = Checkout(folder=folder, python=Path(which(python) or python))
    checkout.require()
    return checkout


def _bridge(found: Evaluation, options: EvaluateOptions, out: Path, checkout: Checkout | None, *, write: bool) -> None:
    from tasks.commands.evaluate import bridge

    if write:
        typer.echo("\n".join(map(str, bridge.write_av_caches(found, options, out))))
    if checkout is not None:
        for run in bridge.run_checkout(checkout, found, options, out):
            typer.echo(f"\n{run.text()}")
