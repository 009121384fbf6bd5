"""`foleygenex compare`: makes a study, serves a rater's page, sums up what all raters found. Source: SPEC E4."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tasks.commands.compare.score import Gsb, Votes, gsb
from tasks.commands.compare.study import Pair, read_study, require_unchanged
from tasks.commands.verify.accuracy import agreement
from tasks.commands.verify.ratings import Choices, Rating, Ratings, all_ratings, rater_path
from tasks.commands.verify.server import PageItem, RatingPage, rate_until_stopped
from tasks.engine.workspace import hash_text

BETTER: Final = Choices(("a", "same", "b"))
"""Which system's sound a rater finds better."""
_TEMPLATE: Final = Path(__file__).parent / "templates" / "compare.html.j2"
_ORDERS: Final = (
    MappingProxyType({"first": "a", "same": "same", "second": "b"}),
    MappingProxyType({"first": "b", "same": "same", "second": "a"}),
)


def rate(study: Path, rater: str, port: int, echo: Callable[[str], None]) -> None:
    """Serves one rater's page until Ctrl-C. Every answer is saved at once; the next call continues from there.

    Raises UsageError for an empty name, a taken port, and sounds that are gone or have changed.
    """
    pairs = read_study(study)
    require_unchanged(pairs)
    rate_until_stopped(rating_page(study, pairs, rater), port, echo)


def rating_page(study: Path, pairs: Sequence[Pair], rater: str) -> RatingPage:
    """Returns the page of one rater: captions in an order of the rater's own, and for each, by a hash of both, which
    system's sound comes first. The page has neither the systems nor their files' names."""
    path = rater_path(_ratings_folder(study), rater)
    ratings = Ratings(path, _items(pairs), BETTER)
    ordered = sorted(pairs, key=lambda pair: hash_text("order", ratings.rater, pair.item_id))
    items = []
    for pair in ordered:
        kept = _ORDERS[a_is_second(ratings.rater, pair.item_id)]
        sounds = {"a": Path(pair.audio_a), "b": Path(pair.audio_b)}
        audio = {place: sounds[kept[place]] for place in ("first", "second")}
        items.append(PageItem(pair.item_id, {"caption": pair.caption}, audio, kept))
    return RatingPage(items, ratings, _TEMPLATE)


def a_is_second(rater: str, item_id: str) -> bool:
    """Whether a rater hears system B first: the same at every call, for half of all pairs of rater and caption."""
    return int(hash_text("first", rater, item_id)[:8], 16) % 2 == 1


def results_text(study: Path) -> str:
    """Returns what the raters have found so far: in all, per kind of adverb, per rater, and how far they agree."""
    pairs = read_study(study)
    ratings = all_ratings(_ratings_folder(study), _items(pairs), BETTER)
    lines = [f"{study}: {len(pairs)} captions"]
    if not any(ratings.values()):
        return "\n".join([*lines, "no answers yet; `foleygenex compare STUDY --rate NAME` opens the page"])
    votes = _votes(ratings)
    names = [pair.item_id for pair in pairs]
    kinds: dict[str, list[str]] = {}
    for pair in sorted(pairs, key=lambda pair: pair.adverb):
        kinds.setdefault(pair.adverb, []).append(pair.item_id)
    lines += ["", f"{'':<24}{'A':>6}{'same':>6}{'B':>6}{'answers':>9}{'score':>8}   95 % interval"]
    lines.append(_line("all", gsb(votes, names)))
    lines += [_line(kind or "(no kind)", gsb(votes, items)) for kind, items in kinds.items() if len(kinds) > 1]
    lines += [_line(f"rater {rater}", gsb({rater: answers}, names)) for rater, answers in votes.items()]
    lines += ["", "score: (A + same) / (same + B); above 1, A follows the captions better"]
    answered = {rater: answers for rater, answers in ratings.items() if answers}
    if len(answered) > 1:
        lines.append(agreement(answered).text("caption"))
    return "\n".join(lines)


def _votes(ratings: Mapping[str, Mapping[str, Rating]]) -> Votes:
    return {rater: {item: rating.answer for item, rating in answers.items()} for rater, answers in ratings.items()}


def _line(name: str, found: Gsb) -> str:
    score = "-" if found.score is None else f"{found.score:.3f}"
    interval = "" if found.low is None or found.high is None else f"   {found.low:.3f} to {found.high:.3f}"
    return f"{name[:23]:<24}{found.good:>6}{found.same:>6}{found.bad:>6}{found.answers:>9}{score:>8}{interval}"


def _ratings_folder(study: Path) -> Path:
    return study / "ratings"


def _items(pairs: Sequence[Pair]) -> dict[str, dict[str, str]]:
    return {pair.item_id: pair.identity for pair in pairs}
