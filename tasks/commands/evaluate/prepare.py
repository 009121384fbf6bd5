"""What is scored: the folders read, every file looked at, bad ones refused. No judge is loaded here."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.commands.evaluate.clips import Clip, find_clips
from tasks.commands.evaluate.facts import FactFinder
from tasks.commands.evaluate.inputs import read_inputs, require_some
from tasks.commands.evaluate.options import REFERENCE, EvaluateOptions
from tasks.commands.evaluate.problems import Problem, require_allowed
from tasks.engine.progress import OnProgress
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
    tables that cannot be used.
    """
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
