"""What is scored: the folders read, every file looked at, bad ones refused. No judge is loaded here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_contracts import UsageError
from tasks.commands.evaluate.clips import Clip, find_clips
from tasks.commands.evaluate.facts import FactFinder
from tasks.commands.evaluate.inputs import read_inputs, require_some
from tasks.commands.evaluate.options import REFERENCE, EvaluateOptions
from tasks.commands.evaluate.problems import Problem, require_allowed
from tasks.engine.progress import OnProgress
from tasks.evaluate.columns import parse_judges
from tasks.evaluate.judge_cache import FileHashes, JudgeCache
from tasks.evaluate.sounds import Decoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The clips that are scored. `problems` are those that were allowed; `left_out` the clips they cost."""

    clips: tuple[Clip, ...]
    left_out: tuple[str, ...]
    problems: tuple[Problem, ...]
    cache: JudgeCache
    decoder: Decoder


def prepare(options: EvaluateOptions, on_progress: OnProgress) -> Prepared:
    """Reads the folders and tables and looks at every file.

    Raises InputProblemsError when files are missing or faulty in a way that is not allowed, UsageError for folders and
    tables that cannot be used and, before any file is read, for a judge that is unknown or whose file is not there.
    """
    require_weights(parse_judges(options.judges))
    inputs, problems = read_inputs(options)
    hashes, decoder, cache = FileHashes(options.cache), Decoder(), JudgeCache(options.cache)
    clips, found = find_clips(inputs, options, FactFinder(cache, hashes, decoder), on_progress)
    hashes.save()
    problems += found
    require_allowed(problems, options.allowed)
    require_some(tuple(clip.name for clip in clips), options)
    known = {*inputs.reference, *(one.name for one in problems if (one.kind, one.where) == ("duplicate", REFERENCE))}
    return Prepared(
        clips=tuple(clips),
        left_out=tuple(sorted(known - {clip.name for clip in clips})),
        problems=tuple(sorted(problems)),
        cache=cache,
        decoder=decoder,
    )


def require_weights(judges: Sequence[str]) -> None:
    """Raises UsageError for `NAME:PATH` without such a file: who names a file does not want an empty column."""
    for judge, _, path in (name.partition(":") for name in judges if ":" in name):
        if not Path(path).exists():
            raise UsageError(f"judge {judge}: {path} does not exist; give the file with its weights")
