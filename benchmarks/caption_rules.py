"""How good the rules' captions are on real captions: `python -m benchmarks.captions CAPTIONS.csv --backend rules`.

Rewrites every caption that names a side (SPEC A1) by the rules (A6). Prints, per operation: captions
without a rewrite, rewrites that change text outside the mined words, that the validator with the parse refuses, that
have a new grammar error, the different wordings, the share of the commonest, the different pairs of words; then, of
`--paraphrased` captions, how many paraphrases say the level of all events. Grammar errors are what Harper
(`pip install harper-py`) finds in the new caption and not in the old one.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from data_contracts import ItemError
from data_contracts.adverbs import changes_for
from tasks.language.content import words
from tasks.language.cues import CuedCaption
from tasks.language.finder import find_cues
from tasks.language.meaning import said_of_all
from tasks.language.parse import has_parser
from tasks.language.validator import check
from tasks.mine.miner import select
from tasks.mine.parser import make_miner
from tasks.paraphrase.rules import paraphrases
from tasks.recaption.rules import rewrites
from tasks.recaption.variety import variety

_NOT_GRAMMAR = frozenset(("Spelling", "Style", "Enhancement", "Readability", "WordChoice", "Capitalization"))
"""Kinds of lints that also good captions have."""


@dataclass(frozen=True, slots=True)
class Case:
    """One caption and one operation. `name` is the side that it had and the level that it gets."""

    name: str
    caption: CuedCaption
    level: str


def cases_of(table: Path, seed: int) -> dict[str, list[Case]]:
    """Returns the cases of each operation, as the pipeline makes them, from captions in a seeded order."""
    with table.open(encoding="utf-8", newline="") as file:
        captions = sorted({row["caption"] for row in csv.DictReader(file)})
    random.Random(seed).shuffle(captions)
    by_name: dict[str, list[Case]] = {}
    for text, found in zip(captions, make_miner("auto").find(captions), strict=True):
        cues = select(found)
        placed = any(cue.dimension == "distance" for cue in cues)
        for cue in cues:
            for change in changes_for(cue.side):
                moved_again = placed and change.operation == "distance" and cue.dimension != "distance"
                if change.operation != "original" and not moved_again:
                    name = f"{cue.side} -> {change.level}"
                    caption = CuedCaption(text=text, cue=cue).with_degrees()
                    by_name.setdefault(name, []).append(Case(name, caption, change.level))
    return by_name


def measure_rules(by_name: dict[str, list[Case]], args: argparse.Namespace) -> None:
    """Rewrites all cases by the rules and prints the table, examples to read, and counts of paraphrases."""
    errors_of = grammar_errors()
    done: list[tuple[Case, CuedCaption]] = []
    whole = Counter[str]()
    shown = ("n", "none", "outside", "refused", "grammar")
    print(f"{'':<24}" + "".join(f"{name:>10}" for name in (*shown, "wordings", "commonest", "bigrams")))
    for name, cases in sorted(by_name.items()):
        counts, new = Counter(n=len(cases)), []
        for case in cases:
            try:
                (caption,) = rewrites(case.caption, case.level, limit=1)
            except ItemError:
                counts["none"] += 1
                continue
            new.append((case, caption))
            kept = (without_articles(case.caption.outside), without_articles(case.caption.text))
            counts["outside"] += without_articles(caption.outside) not in kept
            counts["refused"] += bool(check(case.caption, caption, case.level, parse=has_parser()))
            if found := errors_of(caption.text) - errors_of(case.caption.text):
                counts["grammar"] += 1
                if args.show_errors:
                    print(f"  grammar  {caption.text!r} {sorted(found)}")
        done += new
        whole += counts
        print_row(name, counts, shown, new)
    print_row("all", whole, shown, done)
    chance = random.Random(args.seed)
    print("\nto read:")
    for case, caption in chance.sample(done, min(args.show, len(done))):
        print(f"  [{case.name}] {case.caption.text}\n      {caption.text}")
    measure_rule_paraphrases(chance.sample([new for _, new in done], min(args.paraphrased, len(done))), args.show)


def print_row(name: str, counts: Counter[str], shown: tuple[str, ...], new: list[tuple[Case, CuedCaption]]) -> None:
    """Prints an operation's counts and how varied its captions are."""
    cells = "".join(f"{counts[one]:>10,}" for one in shown)
    if found := variety((caption.text, caption.cue.words) for _, caption in new):
        share_ = f"{100 * found.commonest_share:.1f} %"
        cells += f"{found.wordings:>10,}{share_:>10}{found.bigrams:>10,}"
    print(f"{name:<24}{cells}", flush=True)


def measure_rule_paraphrases(captions: list[CuedCaption], show: int) -> None:
    """Paraphrases captions by the rules and counts those that say the level of all events, and grammar errors."""
    errors_of = grammar_errors()
    counts, pairs = Counter[str](), []
    for caption in captions:
        for text in paraphrases(caption, 3):
            own = [cue for cue in find_cues(text) if cue.side == caption.cue.side]
            counts["n"] += 1
            counts["all"] += any(said_of_all(CuedCaption(text=text, cue=cue)) for cue in own)
            counts["grammar"] += bool(errors_of(text) - errors_of(caption.text))
            pairs.append((caption.text, text))
    print(f"\nparaphrases by rule: {counts['n']:,} of {len(captions):,} captions; ", end="")
    print(f"{counts['all']:,} say the level of all events, {counts['grammar']:,} have a new grammar error")
    for before, text in pairs[:show]:
        print(f"  {before}\n      {text}")


def grammar_errors() -> Callable[[str], set[str]]:
    """Returns what gives the errors that Harper finds in a text, spelling and style aside; none without Harper."""
    if importlib.util.find_spec("harper") is None:
        print("grammar is not checked: pip install harper-py")
        return lambda _text: set()
    import harper

    linter = harper.Linter()

    def errors(text: str) -> set[str]:
        lints = linter.lint(text if text.endswith(".") else f"{text}.")
        return {str(lint.message) for lint in lints if str(lint.lint_kind) not in _NOT_GRAMMAR}

    return errors


def without_articles(text: str) -> list[str]:
    """Returns the words of a text without "a" and "an", which follow the word after them."""
    return [word for word in words(text) if word not in ("a", "an")]
