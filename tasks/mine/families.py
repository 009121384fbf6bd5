"""Rules for single words: what "soft" must not describe, when "close" is an adverb, which "quick" is fast.

Each takes the word in its parsed caption and returns whether it describes a sound or its source. Source: SPEC A1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tasks.language.inflect import verb_lemma
from tasks.language.words import MATERIAL, PLACE
from tasks.mine.tree import described, followed_by, modified

if TYPE_CHECKING:
    from spacy.tokens import Token

_SHUTS: Final = frozenset({
    "bang", "bring", "come", "draw", "open", "pull", "push", "shut", "slam", "slide", "snap", "swing"
})  # fmt: skip
_ARRIVES: Final = frozenset({"approach", "come", "draw", "get", "go", "grow", "move", "slow"})
_NOT_HEARD: Final = frozenset({"follow", "listen", "match", "pack", "relate", "space", "watch"})  # "closely watched"
_HOLDS: Final = frozenset({"hold", "stand", "stick"})
_DOORS: Final = re.compile(r"(?:door|gate|lid|drawer|window|curtain|hatch|cupboard|cabinet|locker|trunk)s?$")
_EVENTS: Final = re.compile(
    r"(?:\w{3,}ings?|(?:foot)?steps|rate|speed|pace|tempo|rhythm|speech|breath\w*|knocks|taps|motions?|movements?|"
    r"gunfire|gallop|trot|vibrations|pulses|(?:clip-?)?clops|tick-?tocks|ticks|beats|\w+beats|strokes)$"
)
_TIMES: Final = re.compile(
    r"(?:end|beginning|start|finish|middle|future|past|relatives?|cousins?|relations?|memory|smells?|odou?rs?|scents?|succession|attention)$"
)
_SPEAKER: Final = re.compile(r"(?:speakers?|hailers?|intercoms?|megaphones?)$")
_PLACE: Final = re.compile(rf"(?:{PLACE})$")
_MATERIAL: Final = re.compile(rf"(?:{MATERIAL})$")


def _sounds(token: Token) -> bool:
    """Not a place ("a quiet room", "the street is quiet") and not "it is quiet"."""
    if any(_PLACE.match(noun) or _TIMES.match(noun) for noun in described(token)):
        return False
    bare = (
        token.lower_ == "quiet"
        and token.dep_ in {"acomp", "attr"}
        and any(c.lower_ in {"it", "everything", "all"} for c in token.head.children)
    )
    return not bare


def _quiet(token: Token) -> bool:
    if token.lower_.endswith("ly"):
        return True
    if token.i == 0 and token.lower_ == "quiet" and len(token.doc) > 2:
        after = token.nbor(2) if token.nbor(1).lower_ == "," else token.nbor(1)
        if after.lower_ in {"then", "until", "before", "after"}:  # "Quiet, then a bang": nothing sounds
            return False
    return _sounds(token)


def _soft(token: Token) -> bool:
    return token.lower_ == "softly" or not any(_MATERIAL.match(noun) for noun in described(token))


def _loud(token: Token) -> bool:
    out = token.i > 0 and token.nbor(-1).lower_ in {"out", "aloud"}
    return not (out and token.lower_ == "loud") and not (
        token.lower_ == "loud" and any(_SPEAKER.match(noun) for noun in described(token)[:1] + described(token)[-1:])
    )


def _distant(token: Token) -> bool:
    return token.lower_ == "distantly" or _sounds(token)


def _nearby(token: Token) -> bool:
    noun = modified(token)
    return noun is None or not (token.dep_ == "amod" and _PLACE.match(noun.lower_))


def _quick(token: Token) -> bool:
    """ "a quick beep" is short, "quick footsteps" are fast: what goes on can be fast, what happens once cannot."""
    if token.lower_ == "quickly":
        return True
    noun = modified(token)
    flat = token.dep_ in {"advmod", "acomp"} and token.head.pos_ == "VERB"  # "runs quick"
    if noun is None and flat and token.head.i < token.i:
        return True
    words = ([noun.lower_] if noun is not None else []) + described(token)
    if any(word in {"brief", "short", "single"} for word in (other.lower_ for other in token.subtree)):
        return False
    if not words:
        return token.dep_ in {"advmod", "acomp"}
    return any(_EVENTS.match(word) for word in words)


def _fast(token: Token) -> bool:
    following = token.nbor(1).lower_ if token.i + 1 < len(token.doc) else ""
    before = token.nbor(-1).lower_ if token.i else ""
    if re.match(r"foods?$|asleep$|forward|paced$|-$", following):
        return False
    return verb_lemma(before) not in _HOLDS


def _close(token: Token) -> bool:
    following = token.nbor(1).lower_ if token.i + 1 < len(token.doc) else ""
    if token.lower_ == "close":
        if following in {"to", "together", "behind", "-", "up", "off", "enough", "mechanism"}:
            return False
        noun = modified(token)
        if noun is not None and re.match(r"(?:look|inspection|friend|relation|attention|harmon)", noun.lower_):
            return False
        if modified(token) is None and token.i and verb_lemma(token.nbor(-1).lower_) in _ARRIVES:
            return False
        door = any(_DOORS.match(word.lower_) for word in token.doc[max(0, token.i - 4) : token.i])
        if modified(token) is None and (door or verb_lemma(token.head.lower_) in _SHUTS):
            return False
        return modified(token) is not None or token.pos_ in {"ADV", "ADJ"}
    if token.lower_ == "closely":
        return (
            token.pos_ == "ADV"
            and token.head.pos_ == "VERB"
            and following not in {"together", "to", "related", "spaced"}
            and verb_lemma(token.head.lower_) not in _NOT_HEARD
        )
    return True


def _near(token: Token) -> bool:
    """ "near the water" says where a thing is; "near and far", "a near bird" and "barks near" where the listener is."""
    noun = modified(token)
    if token.dep_ == "amod" and noun is not None:
        return not _PLACE.match(noun.lower_) and not _TIMES.match(noun.lower_)
    following = token.nbor(1) if token.i + 1 < len(token.doc) else None
    if following is not None and following.lower_ == "and" and followed_by(following, "far"):
        return True
    if any(child.dep_ == "pobj" for child in token.children) or verb_lemma(token.head.lower_) in _ARRIVES:
        return False
    return following is None or following.is_punct


def _far(token: Token) -> bool:
    """ "far" alone: at the end of its clause, or in "near and far"; not "so far", "far more", "the far side"."""
    before = token.nbor(-1).lower_ if token.i else ""
    if before in {"so", "as", "by", "how", "too", "thus"}:
        return False
    if token.i > 1 and before == "and" and token.nbor(-2).lower_ in {"near", "close"}:
        return True
    following = token.nbor(1) if token.i + 1 < len(token.doc) else None
    if following is None or following.is_punct:
        return True
    if following.lower_ in {"and", "then", "as", "while", "with"}:
        return followed_by(following, "near") or token.nbor(-1).pos_ in {"VERB", "NOUN"} if token.i else False
    return False


def _distance(token: Token) -> bool:
    """ "a distance siren" for a distant one; not "a short distance"."""
    before = token.nbor(-1).lower_ if token.i else ""
    return token.dep_ in {"compound", "amod"} and not re.match(r"(?:short|close|near|long|some|the)$", before)


FAMILIES: Final[dict[str, Callable[[Token], bool]]] = {
    "distance": _distance,
    "quiet": _quiet,
    "faint": _quiet,
    "soft": _soft,
    "loud": _loud,
    "distant": _distant,
    "nearby": _nearby,
    "quick": _quick,
    "fast": _fast,
    "close": _close,
    "near": _near,
    "far": _far,
}
