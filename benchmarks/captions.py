"""How good the captions are on real captions: `python -m benchmarks.captions CAPTIONS.csv`.

Draws captions that name a side (SPEC A1), rewrites them for all eight operations (A3 to A5) and paraphrases a part
of the results (A7), with whichever backend the environment gives (`--backend embedded` for the small local model).
Prints, per operation and in all: how many answers the validator accepts at the first try, after repair rounds, how
many fall to the rules, and of the paraphrases how many are accepted and how many the model wrote of those wanted;
then tokens, captions per second, and pairs for a person to read. The validator looks at words: read the pairs.

Of the model's captions it prints how varied they are, beside the rules' for the same captions.

With `--backend rules` it measures the rules on every mined caption: `benchmarks.caption_rules`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.caption_rules import Case, cases_of, grammar_errors, measure_rules
from data_contracts import ItemError
from tasks.llm.backend import Backend, choose_backend
from tasks.llm.cache import CompletionCache
from tasks.llm.cache_only import CacheOnlyClient, NotCachedError
from tasks.llm.client import LLMClient, OpenAIClient
from tasks.llm.config import LLMConfig
from tasks.paraphrase import writer as paraphrasing
from tasks.paraphrase.stage import ParaphraseStage
from tasks.recaption import writer as recaptioning
from tasks.recaption.stage import RecaptionStage
from tasks.recaption.variety import variety


@dataclass(slots=True)
class Tally:
    """What became of the cases of one operation."""

    sources: Counter[str] = field(default_factory=Counter)
    asked: int = 0  # paraphrases that the model returned
    accepted: int = 0
    wanted: int = 0
    by_model: int = 0  # of the wanted

    def row(self, name: str) -> str:
        """Returns a line of the table."""
        count = self.sources.total()
        first, repaired = self.sources["llm"], self.sources["llm"] + self.sources["llm_retry"]
        return (
            f"{name:<24}{count:>5}{share(first, count):>11}{share(repaired, count):>11}"
            f"{share(self.sources['rule'], count):>8}{share(self.sources['none'], count):>8}"
            f"{self.wanted:>9}{share(self.accepted, self.asked):>10}{share(self.by_model, self.wanted):>10}"
        )


def share(part: int, whole: int) -> str:
    """Returns a percentage, or a dash."""
    return f"{100 * part / whole:.0f} %" if whole else "-"


def spread(by_name: dict[str, list[Case]], count: int) -> list[Case]:
    """Returns `count` cases, spread evenly over the eight operations."""
    turns: Iterator[Case] = (
        cases[turn] for turn in range(count) for _, cases in sorted(by_name.items()) if turn < len(cases)
    )
    return [case for _, case in zip(range(count), turns, strict=False)]


def print_variety(done: list[tuple[Case, recaptioning.WrittenCaption]]) -> None:
    """Prints how varied the model's captions are, and the rules' for the same captions, and their grammar errors."""
    errors_of = grammar_errors()
    wrong = [
        (case.caption.text, new.caption.text)
        for case, new in done
        if new.source in ("llm", "llm_retry") and errors_of(new.caption.text) - errors_of(case.caption.text)
    ]
    written = sum(new.source in ("llm", "llm_retry") for _, new in done)
    print(f"grammar     {len(wrong)} of {written} captions by model have an error that the old caption had not")
    for before, after in wrong:
        print(f"  {before}\n      {after}")
    by_model = [new.caption for _, new in done if new.source in ("llm", "llm_retry")]
    by_rule = []
    for case, _ in done:
        with suppress(ItemError):  # where no rule fits
            by_rule.append(recaptioning.by_rule(case.caption, case.level).caption)
    for by, captions in (("model", by_model), ("rule, the same captions", by_rule)):
        if found := variety((one.text, one.cue.words) for one in captions):
            print(f"variety     {found.text(by)}")


async def recaption(
    cases: list[Case], client: LLMClient, stage: RecaptionStage, tallies: dict[str, Tally]
) -> list[tuple[Case, recaptioning.WrittenCaption]]:
    """Rewrites every case, by level so that prompts stay in the server's prefix cache."""
    done = []
    for case in sorted(cases, key=lambda case: (case.level, case.name)):
        try:
            least, parse = stage.config.min_similarity, stage.parse
            written = await recaptioning.by_model(
                case.caption, case.level, client, stage.templates, stage.repair, min_similarity=least, parse=parse
            )
        except NotCachedError:
            continue
        except ItemError:  # neither the model nor the rules have a valid caption: the stage quarantines it
            tallies[case.name].sources["none"] += 1
            continue
        tallies[case.name].sources[written.source] += 1
        done.append((case, written))
        for refused in written.rejected:
            refusal = f"{case.caption.text!r} -> {refused['caption']!r} {refused['problems']}"
            print(f"  refused  {case.name}: {refusal}", flush=True)
    return done


async def paraphrase(
    done: list[tuple[Case, recaptioning.WrittenCaption]],
    client: LLMClient,
    stage: ParaphraseStage,
    tallies: dict[str, Tally],
) -> list[tuple[str, str]]:
    """Paraphrases new captions; returns the model's accepted pairs."""
    wanted, pairs = stage.config.paraphrases, []
    for case, before in done:
        try:
            rounds, least, parse = stage.config.repair_rounds, stage.config.min_similarity, stage.parse
            written = await paraphrasing.by_model(
                before.caption, wanted, client, stage.templates, rounds=rounds, min_similarity=least, parse=parse
            )
        except NotCachedError:
            continue
        accepted = [text for text, source in written.paraphrases if source == "llm"]
        tally = tallies[case.name]
        tally.wanted += wanted
        tally.by_model += len(accepted)
        tally.asked += written.judged
        tally.accepted += written.judged - sum(1 for text, _ in written.rejected if text)
        pairs += [(before.caption.text, text) for text in accepted]
        for text, problems in written.rejected:
            print(f"  refused  {before.caption.text!r} -> {text!r} {list(problems)}", flush=True)
    return pairs


async def measure(args: argparse.Namespace, backend: Backend, config: LLMConfig, cache: CompletionCache) -> None:
    """Runs both and prints the tables."""
    cases = spread(cases_of(args.captions, args.seed), args.recaptions)
    tallies = {name: Tally() for name in sorted({case.name for case in cases})}
    server = OpenAIClient(backend, config, cache)
    client: LLMClient = CacheOnlyClient(backend.model, cache) if args.cached_only else server
    try:
        started = time.perf_counter()
        done = await recaption(cases, client, RecaptionStage(config), tallies)
        middle, first = time.perf_counter(), cache.spent()
        chosen = random.Random(args.seed).sample(done, min(args.paraphrased, len(done)))
        pairs = await paraphrase(chosen, client, ParaphraseStage(config), tallies)
        ended, last = time.perf_counter(), cache.spent()
    finally:
        await server.close()
    print(f"\nwriter {backend.model}; captions of {args.captions.name}, seed {args.seed}")
    print(f"{'':<24}{'n':>5}{'first try':>11}{'repaired':>11}{'rules':>8}{'none':>8}", end="")
    print(f"{'wanted':>9}{'accepted':>10}{'by model':>10}")
    for name, tally in tallies.items():
        print(tally.row(name))
    whole = Tally()
    for tally in tallies.values():
        whole.sources += tally.sources
        for part in ("asked", "accepted", "wanted", "by_model"):
            setattr(whole, part, getattr(whole, part) + getattr(tally, part))
    print(whole.row("all"))
    print_variety(done)
    print(f"recaption   {len(done) / (middle - started):.2f} captions/s, ", end="")
    print(f"{first.tokens_in / len(done):.0f} tokens in, {first.tokens_out / len(done):.0f} out per caption")
    if chosen:
        tokens = (last.tokens_in - first.tokens_in, last.tokens_out - first.tokens_out)
        print(f"paraphrase  {len(chosen) / (ended - middle):.2f} captions/s, ", end="")
        print(f"{tokens[0] / len(chosen):.0f} tokens in, {tokens[1] / len(chosen):.0f} out per caption")
    chance = random.Random(args.seed)
    print("\nto read: new captions")
    for case, written in chance.sample(done, min(args.show, len(done))):
        print(f"  [{case.name}, {written.source}] {case.caption.text}\n      {written.caption.text}")
    print("\nto read: the model's paraphrases")
    for before, text in chance.sample(pairs, min(args.show, len(pairs))):
        print(f"  {before}\n      {text}")


def main() -> None:
    """Reads the arguments and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path, help="a CSV with a column `caption`, such as AudioCaps' train.csv")
    parser.add_argument("--recaptions", type=int, default=64)
    parser.add_argument("--paraphrased", type=int, default=32)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--show", type=int, default=20)
    parser.add_argument("--backend", default="auto", choices=("auto", "endpoint", "embedded", "rules"))
    parser.add_argument("--answers", type=Path, help="keep the answers in this file, so that a rerun asks nothing")
    parser.add_argument("--show-errors", action="store_true", help="print each grammar error of the rules")
    parser.add_argument("--cached-only", action="store_true", help="ask nothing: score what --answers holds")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an LLM setting")
    args = parser.parse_args()
    values = {"backend": args.backend} | dict(pair.split("=", 1) for pair in args.set)
    config = LLMConfig.model_validate(values)
    backend = choose_backend(config)
    if backend.kind == "rules":
        print(f"the rules alone: {backend.reason}")
        measure_rules(cases_of(args.captions, args.seed), args)
        return
    with tempfile.TemporaryDirectory() as folder:
        answers = args.answers or Path(folder) / "answers.jsonl"
        asyncio.run(measure(args, backend, config, CompletionCache(answers)))


if __name__ == "__main__":
    main()
