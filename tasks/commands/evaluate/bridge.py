"""Beside av-benchmark: rows from its caches, a run of a checkout, our judges' outputs as its caches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from data_contracts import Score, UsageError, WeightsError
from data_contracts.quantities import counted
from model.devices import choose_device
from model.judges import AudioJudge, TextJudge, VideoJudge
from tasks.commands.evaluate.clips import Clip
from tasks.commands.evaluate.options import ALL_CLIPS, EvaluateOptions
from tasks.commands.evaluate.result import Evaluation
from tasks.commands.evaluate.terminal import aligned, number
from tasks.engine.workspace import safe_name
from tasks.evaluate.av_benchmark.caches import FILES, PANNS_FILE, CacheFile, Entry, write_cache
from tasks.evaluate.av_benchmark.checkout import GENERATED, REFERENCE, SUFFIXES, Checkout
from tasks.evaluate.av_benchmark.scores import (
    KEYS,
    OUTPUT,
    CacheScores,
    cache_scores,
    write_output_metrics,
)
from tasks.evaluate.columns import plain_name
from tasks.evaluate.judge_cache import JudgeCache
from tasks.evaluate.judging import CachedJudge, Said
from tasks.evaluate.sounds import Decoder

COLUMN_OF_KEY: Final = {
    "FD-VGG": "FD_VGG",
    "FD-PANN": "FD_PANNs",
    "FD-PASST": "FD_PaSST",
    "KL-PANNS-softmax": "KL_PANNs",
    "KL-PASST-softmax": "KL_PaSST",
    "ISC-PANNS-mean": "IS_PANNs",
    "ISC-PASST-mean": "IS_PaSST",
    "IB-Score": "IB-score",
    "DeSync": "DeSync",
    "LAION-CLAP-Score": "CLAP_T",
    "MS-CLAP-Score": "MS-CLAP",
}
"""av-benchmark's key -> our column of the same number."""
FOLDER: Final = "av-benchmark"
"""Where `write_av_caches` writes."""
RUN_FOLDER: Final = "av-benchmark-run"
"""Where a checkout writes."""


def score_caches(generated: Mapping[str, Path], reference: Path, out: Path, *, paired: bool) -> str:
    """Writes OUT/SYSTEM/output_metrics.json for each generated cache and returns the table as text.

    Raises UsageError for a folder that is no cache, ContractError for a damaged one.
    """
    found = {name: cache_scores(folder, reference, paired=paired) for name, folder in generated.items()}
    rows = [["metric", *found]]
    for key in KEYS:
        if any(key in scores.values for scores in found.values()):
            rows.append([key, *(number(scores.values.get(key)) for scores in found.values())])
    lines = [aligned(rows), *_notes(found)]
    for name, scores in found.items():
        path = out / safe_name(name) / OUTPUT
        write_output_metrics(path, scores.values)
        lines.append(str(path))
    return "\n".join(lines)


def _notes(found: Mapping[str, CacheScores]) -> Iterator[str]:
    for name, scores in found.items():
        yield f"{name}: {counted(scores.n, 'clip')} against {scores.n_reference} of the reference"
        if scores.unmatched:
            yield f"{name}: {counted(len(scores.unmatched), 'clip')} without a reference, e.g. {scores.unmatched[0]}"
        for key, reason in scores.why_empty.items():
            yield f"{name}, {key}: {reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutRun:
    """One system's numbers: av-benchmark's own, ours from the features that it wrote, and ours from our judges."""

    system: str
    theirs: dict[str, float]
    from_their_features: dict[str, float]
    ours: dict[str, float]

    def text(self) -> str:
        """Returns one line per key with the difference of the first two columns."""
        rows = [["metric", "av-benchmark", "ours, its features", "difference", "ours"]]
        for key in KEYS:
            theirs, ours = self.theirs.get(key), self.from_their_features.get(key)
            difference = None if theirs is None or ours is None else ours - theirs
            own = self.ours.get(key)
            if theirs is not None or ours is not None or own is not None:
                rows.append([key, number(theirs), number(ours), number(difference), number(own)])
        return f"{self.system}\n{aligned(rows)}"


def run_checkout(checkout: Checkout, found: Evaluation, options: EvaluateOptions, out: Path) -> list[CheckoutRun]:
    """Runs a checkout on every system of an evaluation. Its caches and results are in OUT/av-benchmark-run/SYSTEM.

    It takes whole folders, so folders with other clips than those that were scored are refused, and files that it does
    not read. Of every clip it hears as much as the shortest file has. Raises UsageError, FoleyGenExError when one of
    its programs fails.
    """
    checkout.require()
    if found.left_out:
        raise UsageError(
            f"--with-av-benchmark scores whole folders, and {counted(len(found.left_out), 'clip')} are left out here, "
            f"e.g. {found.left_out[0]}; give folders with the same clips"
        )
    _require_read(found)
    lengths_s = [facts.duration_s for clip in found.clips for facts in clip.generated_facts.values()]
    seconds = min(*lengths_s, *(clip.duration_s for clip in found.clips))
    captions = options.captions if all(clip.caption is not None for clip in found.clips) else None
    runs = []
    for system, folder in options.systems.items():
        place = out / RUN_FOLDER / safe_name(system)
        theirs = checkout.evaluate(
            folder, options.reference, place, seconds=seconds, video=options.video, captions=captions
        )
        recomputed = cache_scores(place / GENERATED, place / REFERENCE)
        runs.append(
            CheckoutRun(
                system=system,
                theirs=theirs,
                from_their_features=recomputed.ordered(),
                ours=_own(found.scores, system),
            )
        )
    return runs


def _require_read(found: Evaluation) -> None:
    for path in (path for clip in found.clips for path in (clip.reference, *clip.generated.values())):
        if path.suffix not in SUFFIXES:
            raise UsageError(
                f"--with-av-benchmark: {path} is not read by av-benchmark, only {' and '.join(SUFFIXES)} are"
            )


def _own(scores: Sequence[Score], system: str) -> dict[str, float]:
    values = {score.metric: score.value for score in scores if (score.task, score.system) == (ALL_CLIPS, system)}
    return {key: value for key, column in COLUMN_OF_KEY.items() if (value := values.get(column)) is not None}


def write_av_caches(found: Evaluation, options: EvaluateOptions, out: Path) -> list[Path]:
    """Writes what the published judges said as av-benchmark's caches, and returns the files.

    They are OUT/av-benchmark/SYSTEM/generated and OUT/av-benchmark/reference; judges that were not asked have no file.
    """
    written = []
    asked = {plain_name(name): name for name in options.judges if ":" in name}
    for judge in dict.fromkeys(file.judge for file in FILES):
        if not any(one.name == judge and not one.why_not for one in found.judges):
            continue
        try:
            loaded = CachedJudge.load(asked.get(judge, judge), JudgeCache(options.cache), choose_device(options.device))
        except WeightsError as error:
            raise UsageError(f"caches of {judge} cannot be written: {error}") from error
        for file in (one for one in FILES if one.judge == judge):
            written += _write_file(file, loaded, found, out / FOLDER)
    return written


def _write_file(file: CacheFile, judge: CachedJudge, found: Evaluation, out: Path) -> list[Path]:
    folders = {out / REFERENCE: _said(file, judge, found.clips, None)}
    if file.side == "audio":
        folders |= {
            out / safe_name(system) / GENERATED: _said(file, judge, found.clips, system) for system in found.systems
        }
    paths = []
    for folder, said in folders.items():
        if clips := {name: _entry(file, one) for name, one in said.items() if not isinstance(one, str)}:
            paths.append(write_cache(folder, file.name, clips))
    return paths


def _said(file: CacheFile, judge: CachedJudge, clips: Sequence[Clip], system: str | None) -> dict[str, Said]:
    """Returns clip -> what the judge said of a system's sound; for None, of what is on the reference's side."""
    if file.side == "video":
        if not isinstance(judge.judge, VideoJudge):
            return {}
        seen = ((clip, clip.video) for clip in clips)
        return {c.name: judge.see(video.path, video.sha256, c.duration_s) for c, video in seen if video is not None}
    if file.side == "text":
        if not isinstance(judge.judge, TextJudge):
            return {}
        texts = {clip.name: clip.caption for clip in clips if clip.caption is not None}
        return dict(zip(texts, judge.read(list(texts.values())), strict=True))
    assert isinstance(judge.judge, AudioJudge)
    decoder = Decoder()
    sounds = [
        decoder.beginning(clip.reference, clip.reference_facts.sha256, clip.duration_s)
        if system is None
        else decoder.beginning(clip.generated[system], clip.generated_facts[system].sha256, clip.duration_s)
        for clip in clips
    ]
    return dict(zip((clip.name for clip in clips), judge.hear(sounds), strict=True))


def _entry(file: CacheFile, said: Mapping[str, object]) -> torch.Tensor | Entry:
    outputs = {name: torch.as_tensor(value) for name, value in said.items()}
    if file.name != PANNS_FILE:
        return outputs[file.output]
    logits = outputs["logits"]
    return {"2048": outputs["embedding"], "logits": logits, "clipwise_output": logits.sigmoid()}
