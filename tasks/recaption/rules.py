"""The deterministic rewriter: replaces a degree word, strengthens it, or appends a phrase. Careful, shallow English.

Gives several candidates, best first, all passing the validator; the language model may choose among them.
Source: SPEC A6 (the labelled fallback).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from data_contracts import ItemError
from tasks.engine.workspace import seed_for
from tasks.language.cues import COPULAS, LEVELS, Cue, Level, find_cues
from tasks.language.validator import check

CLAUSE: Final = re.compile(r",? (?:as|while|followed by|and then|then|before|with)\b|, ", re.IGNORECASE)
_SILENT_H: Final = ("hour", "honest", "heir")
_LIKE_YOU: Final = ("uni", "use", "usu", "eu", "one", "once", "ute")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """A caption with the edits that made it, in words: the hint that the language model gets."""

    caption: str
    hint: str


def rewrites(caption: str, level: str) -> list[Rewrite]:
    """Returns the validated rewrites of a caption for a level, best first. Raises ItemError when there is none."""
    body, ending = split_ending(caption)
    if not body:
        raise ItemError("empty_caption", "the caption holds no words")
    found: dict[str, Rewrite] = {}
    for text, hint in _candidates(body, LEVELS[level], level):
        rewritten = tidy(text, body) + ending
        if rewritten not in found and not check(caption, rewritten, level):
            found[rewritten] = Rewrite(caption=rewritten, hint=hint)
    if not found:
        raise ItemError("no_rewrite", f"no rule makes a valid {level} caption of {caption[:80]!r}")
    return list(found.values())


def rewrite(caption: str, level: str) -> str:
    """Returns the best rewrite. Raises ItemError when there is none."""
    return rewrites(caption, level)[0].caption


def _candidates(body: str, level: Level, name: str) -> Iterator[tuple[str, str]]:
    cues = find_cues(body, *level.axis)
    wrong = [cue for cue in cues if cue.side in level.opposite]
    right = [cue for cue in cues if cue.side == level.side]
    if wrong:
        yield from _replaced(body, wrong, level)
    elif right:
        yield from _strengthened(body, right[0], level)
        yield from _replaced(body, right[:1], level)
    cleared = apply_edits(body, [(cue, "") for cue in (*wrong, *right)])
    yield from _appended(cleared, level, name, wrong + right)


def _replaced(body: str, cues: list[Cue], level: Level) -> Iterator[tuple[str, str]]:
    """The first cue gets the level's word, further ones go."""
    first, *others = cues
    words = sorted(
        _substitutes(first, level), key=lambda word: " " in word and word in body
    )  # "in the distance" once is enough
    for word in words:
        edits = [(first, word), *((cue, "") for cue in others)]
        yield apply_edits(body, edits), _hint(edits)


def _substitutes(cue: Cue, level: Level) -> tuple[str, ...]:
    if cue.kind == "adjective" or (cue.kind == "predicate" and level.side in ("fast", "slow", "medium")):
        return level.adjectives
    if cue.kind == "preverb":  # "at a moderate pace knocks" is no English: only single adverbs go before a verb
        return tuple(word for word in level.adverbs if word.endswith("ly"))
    return level.adverbs


def _strengthened(body: str, cue: Cue, level: Level) -> Iterator[tuple[str, str]]:
    if not level.strong or cue.core.lower() in ("faster", "slower", "quicker"):
        return
    degrees = ("extremely", "incredibly") if cue.strong else ("very", "extremely")
    for degree in degrees:
        if match := re.match(r"(at an? |in )(.*)", cue.core, re.IGNORECASE):
            opening = "in " if match.group(1).lower().startswith("in") else "at a "
            word = f"{_article(opening, degree)}{degree} {match.group(2)}"
        else:
            word = f"{degree} {cue.core.lower()}"
        yield apply_edits(body, [(cue, word)]), f"replace '{cue.text}' by '{word}'"


def _article(opening: str, word: str) -> str:
    return "at an " if opening == "at a " and word[0] in "aeiou" else opening


def _appended(body: str, level: Level, name: str, removed: list[Cue]) -> Iterator[tuple[str, str]]:
    """The level's phrase at the end, in front, or before the second event. Wordings vary with the caption."""
    endings = _endings(body, level, name)
    gone = "".join(f"remove '{cue.text}', " for cue in removed)
    hints = [f"{gone}add '{ending.strip(', ')}'" for ending in endings]
    split = CLAUSE.search(body)
    if removed and removed[0].kind == "preverb":
        yield from _after_verb(body, removed[0].start, endings, hints)
    at_end = [(_join(body, ending), hint) for ending, hint in zip(endings, hints)]
    if level.side == "far":  # two events, or two adverbs in a row: a phrase in front holds for all of it
        front = (f"In the distance, {lower_first(body)}", f"{gone}add 'in the distance'")
        several = split or " and " in body
        yield from [front, *at_end] if several or _ends_with_adverb(body) else [*at_end, front]
    else:
        yield from at_end
    if split and endings:
        yield _join(body[: split.start()], endings[0]) + body[split.start() :], hints[0]


def _after_verb(body: str, start: int, endings: tuple[str, ...], hints: list[str]) -> Iterator[tuple[str, str]]:
    """The phrase at the end of the event whose adverb was cut out at `start`, when another event follows."""
    if split := re.compile(rf"{CLAUSE.pattern}| and (?=an? \w+ \w+s\b)", re.IGNORECASE).search(body, start):
        for ending, hint in zip(endings, hints):
            yield _join(body[: split.start()], ending) + body[split.start() :], hint


def _endings(body: str, level: Level, name: str) -> tuple[str, ...]:
    """The level's endings, turned by a hash of the caption; after an adverb only those that are phrases."""
    if body.split(" ")[-1].lower() in COPULAS:  # what it "is" was cut out: nothing to append to
        return ()
    turn = seed_for("rewrite", body, name) % len(level.endings)
    turned = (*level.endings[turn:], *level.endings[:turn])
    phrases = tuple(ending for ending in turned if not ending.endswith("ly"))
    return phrases if _ends_with_adverb(body) else turned


def _ends_with_adverb(body: str) -> bool:
    return body.endswith("ly") or body.lower().endswith((" fast", " up close"))


def _join(body: str, ending: str) -> str:
    return f"{body}{ending}" if ending.startswith(",") else f"{body} {ending}"


def apply_edits(body: str, edits: list[tuple[Cue, str]]) -> str:
    """Returns the text with each cue replaced (or cut out), articles before them set right."""
    for cue, word in sorted(edits, key=lambda edit: -edit[0].start):
        head, tail = body[: cue.start], body[cue.end :]
        if not word:
            head, tail = head.rstrip(" "), tail.lstrip(" ")
            tail = tail[1:].lstrip() if cue.kind == "adjective" and tail.startswith(",") else tail
            head = f"{head} " if head and tail and tail[0] not in ",.;" else head
        upcoming = (re.match(r"\W*(\w+)", word or tail) or [None, ""])[1]
        body = f"{_with_article(head, str(upcoming))}{word}{tail}"
    return body


def _with_article(head: str, upcoming: str) -> str:
    match = re.search(r"\b(an?)\s$", head, re.IGNORECASE)
    if not match or not upcoming:
        return head
    lower = upcoming.lower()
    vowel = (lower[0] in "aeiou" and not lower.startswith(_LIKE_YOU)) or lower.startswith(_SILENT_H)
    article = "an" if vowel else "a"
    return f"{head[: match.start()]}{article.capitalize() if match.group()[0].isupper() else article} "


def _hint(edits: list[tuple[Cue, str]]) -> str:
    return ", ".join(f"replace '{cue.text}' by '{word}'" if word else f"remove '{cue.text}'" for cue, word in edits)


def tidy(text: str, original: str) -> str:
    """Returns the text with spaces, commas and the first capital set right."""
    text = re.sub(r"\s+", " ", text).strip(" ,;")
    text = re.sub(r"\s+([,.;])", r"\1", text)
    text = re.sub(r",(?:\s*,)+", ",", text)
    text = re.sub(r"\b(and|or|with|as|while)\s*$", "", text).rstrip(" ,")
    return text[:1].upper() + text[1:] if original[:1].isupper() else text


def split_ending(caption: str) -> tuple[str, str]:
    """Returns the caption without its full stop, and the full stop; two empty strings when it holds no word."""
    text = " ".join(caption.split())
    body = text.rstrip(" .!")
    return (body, text[len(body) :].strip()) if re.search(r"\w", body) else ("", "")


def match_style(text: str, before: str) -> str:
    """Gives an answer the full stop and the capital of the caption it was made from, nothing else."""
    text = text.strip()
    text = text.rstrip(".") + ("." if before.rstrip().endswith(".") else "")
    return text[:1].upper() + text[1:] if before[:1].isupper() else text


def lower_first(text: str) -> str:
    """Lowers an ordinary first word; leaves names with further capitals and "I" alone."""
    first = text.split(" ", 1)[0]
    return text if first == "I" or first[1:] != first[1:].lower() else text[:1].lower() + text[1:]
