"""Finds the cues of a caption by the words beside them, without a parse. Source: SPEC A1.

Mining by rules finds the six sides of a corpus this way; the validators of captions also find the trends and the speed
that augmentation makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from data_contracts.adverbs import DIMENSION_OF
from tasks.language.changes import with_changes
from tasks.language.cues import Cue, CuedCaption, with_degrees
from tasks.language.made_words import LEVEL_FORMS, MADE_FORMS
from tasks.language.words import EXPRESSIONS, MATERIAL, MINED_FORMS, PLACE, STEMS, Form, bounded

VERSION: Final = 7
"""Raised whenever a rule below changes: rows that were mined by rules depend on it."""

# A comparative counts right before its noun ("a softer horn"); elsewhere it is a trend.
_BEFORE_NOUN: Final = re.compile(
    r" (?!(?:and|then|as|with|while|to|in|on|at|by|over|until|than|or|before|after|when|during|along|from|for|away|"
    r"off)\b)\w"
)
_NOT_PREPOSITION: Final = (
    r"(?!,? (?:and|then|as|with|while|from|in|into|on|onto|at|by|through|over|past|followed|off|away|down|across|"
    r"around|before|after|along|up|out|for|when|during|against|to)\b)"
)
# Adjectives that may be between "quick" and its noun: "a quick distant tapping".
_BETWEEN: Final = r"(?:,? (?:and |very )?(?:loud|quiet|soft|faint|distant|nearby|faraway|steady|light))*"
_REPEATED: Final = r"(?:\w{3,}ing|(?:foot)?steps|rate|speeds?|pace|tempo|rhythm|speech|breath\w*|knocks|taps)"
_ANYWHERE: Final = re.compile("")
_Rule = tuple[str, re.Pattern[str], re.Pattern[str]]
"""A word class, and what must be before and after a word of that class."""


def _rule(pos: str, *, before: str = "", after: str = "") -> _Rule:
    return pos, re.compile(f"(?:{before})$") if before else _ANYWHERE, re.compile(after)


_COMPARED: Final = ("faster", "quicker", "slower", "louder", "noisier", "quieter", "softer", "fainter")
_THAN: Final = re.compile(r" than (?!before|usual|earlier|at first|previously|normal)")
_COMPARATIVE: Final = (("adjective", _ANYWHERE, _BEFORE_NOUN), ("adjective", _ANYWHERE, _THAN))
_RULES: Final[dict[str, tuple[_Rule, ...]]] = {
    "fast": (_rule("adjective", after=rf"{_NOT_PREPOSITION},? \w"), _rule("adverb")),
    "quick": (_rule("adjective", after=rf"{_BETWEEN} {_REPEATED}\b"),),
    "slow": (
        _rule("adjective", before=r"^|\b(?:a|an|the|of|with) "),
        _rule("adverb", after=r"$|[.;]| (?:and|as|with|while|then|followed)\b"),
        _rule("adjective"),
    ),
    "near": (
        _rule("adverb", after=" and far"),
        _rule("adverb", before="far and "),
        _rule("adverb", before="and ", after=r"$|[.,;]"),
    ),
    "close": (
        _rule("adverb", after=" overhead"),
        _rule("adverb", before="(?:very|quite|fairly|pretty|really) ", after=r"(?! to\b| together\b)"),
        _rule("adverb", before="[a-z][a-z]ing ", after=r"$|[.,;]| (?:and|as|while|with|then|followed)\b"),
    ),
    "far": (_rule("adverb", before="near and "), _rule("adverb", after=r" and near|$|[.,;]")),
    **dict.fromkeys(_COMPARED, _COMPARATIVE),
    **dict.fromkeys(("closely", "closer", "closest", "nearer", "nearest", "distance", "fastly"), ()),
}
"""What words that also mean something else must have beside them; a word without an entry always counts."""

_CHANGE_VERBS: Final = (
    r"(?:get\w*|got|becom\w*|became|grow\w*|grew|increas\w*|decreas\w*|fad\w*|intensif\w*|ris(?:es?|ing)|build\w*|"
    r"diminish\w*|dwindl\w*|dying|dies|slow(?:s|ing)?(?= down)|speed(?:s|ing) up)"
)
_RATES: Final = "(?:quickly|rapidly|slowly|swiftly|fast)"
_NO_CUES: Final = (
    *EXPRESSIONS,
    *map(
        bounded,
        (
            # Nouns and places
            r"(?:stuck|hold\w*|held|stand\w*|steady) fast|out loud",
            rf"(?:soft|softer)(?: and \w+| \w+)? {MATERIAL}",
            rf"(?:quiet|quieter|distant|faint)(?: \w+)? {PLACE}",
            rf"{PLACE} (?:is|are|was|were|remains?|stays?) (?:\w+ )?quiet",
            r"(?:goes|go|went|going|falls?|fell|falling|gone|keeps?|stays?|remains?|be|it is|it's|then) quiet"
            r"(?=$|[.,;]| (?:and|then|again|after|before|as|until)\b)",
            r"(?:a |the )?distant (?:future|past|relatives?)|faint (?:\w+ )?(?:smell|odou?r|scent)s?",
            # Succession and the rate of a change, not the speed of a sound
            r"(?:quickly|closely|swiftly|quick) (?:followed|after\w*|succeed\w*|interrupted|joined)",
            r"(?:followed|succeeded) (?:very )?(?:quickly|rapidly|closely|swiftly)(?= by\b|$)",
            rf"{_RATES} {_CHANGE_VERBS}",
            rf"{_CHANGE_VERBS} (?:\w+ )?(?:quickly|rapidly|slowly|swiftly)",
            # Verbs
            r"(?:slid\w*|sw[iu]ng\w*|open\w*|slam\w*|pull\w*|push\w*|doors?) close",
            r"slow(?= down\b| to (?:a|an|the)\b| and (?:stops?|comes?)\b)|(?:to|will|would|can|may) slow",
        ),
    ),
)
_NEGATION: Final = re.compile(
    r"(?:\b(?:(?:do|does|did) not|(?:do|does|did)n't) \w+ |"  # "does not speak loudly"
    r"\b(?:not|never|hardly|barely|scarcely|isn't|aren't|wasn't|doesn't|don't|didn't|neither|nor|without|no|"
    r"nothing|less|non|cannot|can't|rarely) )(?:(?:too|very|so|that|as|particularly|really|quite|overly|extremely|"
    r"at all|a|an|any|be|is|are|all) )*$"
)
_MORE: Final = (
    r"(?:and|then|or|even|much|slightly|a|bit|little|progressively|increasingly|gradually|more|closer|nearer|farther|"
    r"further|faster|slower|quicker|louder|softer|quieter|fainter|away|off|fast|slow|quiet|loud|soft|faint|distant|very)"
)
_CHANGES: Final = (
    r"get|gets|getting|got|grow|grows|growing|grew|become|becomes|becoming|became|turn|turns|turning|gradually|"
    r"increasingly|fad(?:e|es|ing)|increas(?:e|es|ing)|decreas(?:e|es|ing)"
)
_MOVES: Final = (
    r"mov(?:e|es|ing)|driv(?:e|es|ing)|com(?:e|es|ing)|go|goes|going|draw(?:s|ing)?|fl(?:y|ies|ying)|travel(?:s|ing)"
)
_AFTER_CHANGE: Final = re.compile(rf"\b(?:{_CHANGES})(?:,? {_MORE})*,? $")  # "gets louder"
_AFTER_MOVE: Final = re.compile(rf"\b(?:{_CHANGES}|{_MOVES})(?:,? {_MORE})*,? $")  # "moves closer, then farther away"
_CHANGEABLE: Final = frozenset(
    [
        "louder",
        "softer",
        "quieter",
        "fainter",
        "faster",
        "slower",
        "quicker",
        "quiet",
        "loud",
        "soft",
        "faint",
        "distant",
        "fast",
        "slow",
    ]
)
"""Words that a verb of change turns into a trend; an adverb ("moves slowly") stays what it is."""
_MOVABLE: Final = frozenset(
    ("farther away", "further away", "farther off", "further off", "far away", "far off", "close")
)
"""Words that a verb of movement turns into a trend."""
_MADE: Final = frozenset(MADE_FORMS)
_CONJUNCTION: Final = re.compile(r"^(?:(?:and|but|then),? )+")
_KEPT: Final = 1024
_SPACES: Final = re.compile(r"[^\S ]")


def lowered(caption: str) -> str:
    """Returns the caption in lower case with plain spaces and apostrophes, every character at its old offset."""
    text = caption.lower()
    if len(text) != len(caption):  # a few letters change length in lower case
        text = "".join(c.lower() if len(c.lower()) == 1 else c for c in caption)
    return _SPACES.sub(" ", text).replace("’", "'")


def may_match(caption: str) -> bool:
    """Whether a caption has a stem of any mined form: most do not, and are done after one search."""
    return STEMS.search(lowered(caption)) is not None


def find_mined(caption: str) -> list[Cue]:
    """Returns all cues of the mined sides in reading order, without negated words and trends."""
    return with_changes(caption, lowered(caption), _found(caption, MINED_FORMS)) if may_match(caption) else []


def find_cues(caption: str, sides: Iterable[str] = DIMENSION_OF) -> list[Cue]:
    """Returns the cues of these sides in reading order, each with its intensifiers.

    A trend includes the words in it: "slowly fading" is not slow.
    """
    wanted = set(sides)
    return [cue for cue in _all_found(caption) if cue.side in wanted]


def all_cues(caption: CuedCaption) -> list[Cue]:
    """Returns the caption's own cue and the cues that are found outside it, in reading order."""
    own = caption.cue
    others = [cue for cue in find_cues(caption.text) if not cue.overlaps(own)]
    return sorted((own, *others), key=lambda cue: cue.start)


def without_cues(text: str, cues: Iterable[Cue]) -> str:
    """Returns the text with the cues cut out, for comparing the other words."""
    for cue in sorted(cues, key=lambda cue: -cue.start):
        text = f"{text[: cue.start]} {text[cue.end :]}"
    return text


@lru_cache(maxsize=_KEPT)
def _all_found(caption: str) -> tuple[Cue, ...]:
    """The validators ask for the cues of one caption many times."""
    found = _found(caption, (*MADE_FORMS, *LEVEL_FORMS, *MINED_FORMS))
    return tuple(with_degrees(caption, cue) for cue in found)


def _found(caption: str, forms: Iterable[Form]) -> list[Cue]:
    text = lowered(caption)
    taken: list[tuple[int, int]] = []
    found: list[Cue] = []
    for form in forms:
        if form is MINED_FORMS[0]:  # the other forms are free of what only looks like a mined one
            taken += [match.span() for pattern in _NO_CUES for match in pattern.finditer(text)]
        found += _matches(caption, text, form, taken)
    return sorted(found, key=lambda cue: cue.start)


def _matches(caption: str, text: str, form: Form, taken: list[tuple[int, int]]) -> Iterator[Cue]:
    """Yields the form's cues and adds the characters that it matched to `taken`, which no other form may use."""
    for match in form.pattern.finditer(text):
        start, end = match.span()
        if form in _MADE:
            start += len(match.group()) - len(_CONJUNCTION.sub("", match.group()))
            if text[start:end] in _COMPARED and _BEFORE_NOUN.match(text, end):
                continue  # "a louder horn" is loud, "the horn blows louder" is a trend
        if any(start < other_end and other_start < end for other_start, other_end in taken):
            continue
        taken.append((start, end))
        pos = _word_class(text, match, form)
        if pos and not _denied(text, match, form):
            yield Cue(side=form.side, words=caption[start:end], start=start, end=end, pos=pos)


def _word_class(text: str, match: re.Match[str], form: Form) -> str:
    """Returns the word's class as the words beside it show; empty when they show that it names no side."""
    word, before, after = match.group(), text[: match.start()], text[match.end() :]
    if word in _RULES and form not in _MADE:
        fits = (pos for pos, left, right in _RULES[word] if left.search(before) and right.match(after))
        return next(fits, "")
    if form.pos:
        return form.pos
    if word.endswith("ly") and word != "leisurely":
        return "adverb"
    return "adverb" if form.family == "nearby" or word == "afar" else "adjective"


def _denied(text: str, match: re.Match[str], form: Form) -> bool:
    word, before = match.group(), text[: match.start()]
    if _NEGATION.search(before) and not word.startswith("barely"):
        return True
    if form in _MADE:
        return False
    if word in _CHANGEABLE:
        return bool(_AFTER_CHANGE.search(before))
    return word in _MOVABLE and bool(_AFTER_MOVE.search(before)) and not text.startswith(" overhead", match.end())
