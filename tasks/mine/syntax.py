"""Whether a word that may name a side does so, read from a dependency parse of its caption. Source: SPEC A1.

The parse tells what a word list cannot: whether "close" is a verb, what "soft" describes, whether "loud" is denied, and
whether "slowly" is how a thing sounds or how it fades. The small model errs on captions without a verb ("Slow steady
ticking"), so each rule looks at the parse and at the words right beside the cue.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tasks.language.inflect import is_compared, verb_lemma
from tasks.mine.families import FAMILIES
from tasks.mine.tree import QUALITIES, followed_by, governors, modified

if TYPE_CHECKING:
    from spacy.tokens import Span, Token

_NEGATORS: Final = frozenset({
    "n't", "almost", "arent", "barely", "cannot", "didnt", "doesnt", "dont", "hardly", "isnt", "less", "nearly",
    "neither", "never", "no", "non", "nor", "not", "nothing", "n’t", "rarely", "scarcely", "wasnt", "without"
})  # fmt: skip
_DEGREES: Final = frozenset({
    "a", "all", "an", "any", "are", "as", "at", "be", "especially", "even", "exactly", "extremely", "is", "overly",
    "particularly", "quite", "really", "so", "sound", "sounds", "that", "too", "very"
})  # fmt: skip
_CHANGES: Final = frozenset({
    "become", "build", "decrease", "die", "diminish", "dwindle", "fade", "get", "grow", "increase", "intensify",
    "louden", "lower", "quieten", "recede", "rise", "soften", "turn"
})  # fmt: skip
_STATES: Final = frozenset({"fall", "go", "keep", "remain", "stay", "turn"})
_RATES: Final = frozenset({
    "become", "build", "decrease", "die", "diminish", "dwindle", "fade", "get", "grow", "increase", "intensify",
    "lessen", "quieten", "rise", "slow", "soften", "subside"
})  # fmt: skip
_MOVES: Final = frozenset({
    "approach", "come", "depart", "draw", "drive", "fade", "fly", "get", "go", "leave", "move", "pull", "recede",
    "roll", "run", "sail", "speed", "travel", "walk"
})  # fmt: skip
_SUCCESSIONS: Final = frozenset({"follow", "interrupt", "join", "precede", "replace", "succeed"})
_LASTING: Final = frozenset({
    "accelerate", "drive", "flow", "move", "pass", "rev", "ride", "run", "speak", "talk", "type", "walk"
})  # fmt: skip
_ALSO: Final = frozenset({
    "and", "closer", "fainter", "farther", "faster", "further", "louder", "more", "nearer", "or", "quicker",
    "quieter", "slower", "softer", "then"
})  # fmt: skip
_PLACED: Final = re.compile(r"(?:far|further|close|near)(?!.*\bdistance)")
_STEADY: Final = re.compile(r"\w+ly$")


def word_class(span: Span) -> str:
    """Returns adverb or adjective for a single word, as the caption uses it."""
    token = span.root
    if token.dep_ == "amod" or (modified(token) is not None and token.pos_ == "ADJ"):
        return "adjective"
    before = token.nbor(-1) if token.i else None
    if token.lower_ == "nearby" and before is not None and token.i + 1 < len(token.doc):
        opens = before.pos_ in {"DET", "ADJ", "ADP"} or before.lower_ in QUALITIES
        if opens and (token.nbor(1).pos_ == "NOUN" or token.nbor(1).lower_.endswith("ing")):
            return "adjective"
    if _STEADY.match(token.lower_) or token.pos_ == "ADV" or token.dep_ == "advmod":
        return "adverb"
    return "adverb" if token.lower_ in {"nearby", "closeby", "afar"} else "adjective"


def names_a_side(span: Span, family: str) -> bool:
    """Whether the words say how a sound or its source is.

    `family` is the plain form ("slow" for slowly, slower and slow), or "phrase" for a fixed expression.
    """
    token = span.root
    if _denied(span):
        return False
    if family == "phrase":
        return not (_PLACED.match(span.text.lower()) and _moves(span))
    if _is_verb_or_noun(token, family) or _succession(token) or _rate_of_change(token):
        return False
    if _trend(token, family):
        return False
    special = FAMILIES.get(family)
    return special is None or special(token)


def _denied(span: Span) -> bool:
    """ "not loud", "isn't too loud", "no loud noise", "without loud music": in the tree, or just before the words."""
    doc, token = span.doc, span.root
    for index in range(span.start - 1, max(-1, span.start - 5), -1):
        before = doc[index]
        if before.lower_ in _NEGATORS:
            return True
        if before.lower_ not in _DEGREES:
            break
    places = [token]
    if token.dep_ in {"acomp", "attr", "oprd", "advmod"}:
        places.append(token.head)
    elif (noun := modified(token)) is not None:
        places.append(noun)
        if noun.dep_ == "pobj" and noun.head.lower_ == "without":
            return True
    return any(
        child.i < token.i and (child.dep_ == "neg" or (child.dep_ == "det" and child.lower_ == "no"))
        for place in places
        for child in place.children
    )


def _is_verb_or_noun(token: Token, family: str) -> bool:
    """ "closes a door", "a car slows", "in quiet": the same letters, no adjective or adverb."""
    following = token.nbor(1) if token.i + 1 < len(token.doc) else None
    if token.pos_ == "VERB" and family in {"close", "near", "slow"} and token.lower_ in {"close", "near", "slow"}:
        to = token.i > 0 and token.nbor(-1).lower_ in {"to", "will", "would", "can", "may", "must"}
        down = following is not None and following.lower_ in {"down", "up", "to"}
        return family != "slow" or to or down
    if family != "quiet" or token.lower_ != "quiet":
        return False
    alone = modified(token) is None and token.dep_ in {"pobj", "dobj", "nsubj", "nsubjpass", "ROOT", "conj", "appos"}
    if not alone or token.pos_ not in {"NOUN", "PROPN", "VERB"}:
        return False
    if following is not None and following.lower_ == "," and token.i + 2 < len(token.doc):
        following = token.nbor(2)  # "quiet, rapid slapping"
        return following.pos_ != "ADJ"
    attribute = following is not None and (following.pos_ == "NOUN" or following.lower_.endswith("ing"))
    return not (attribute or (following is not None and following.lower_ in QUALITIES))


def _succession(token: Token) -> bool:
    """ "quickly followed by", "followed quickly by": when it comes, not how it sounds."""
    following = token.nbor(1).lower_ if token.i + 1 < len(token.doc) else ""
    if _is_succession(following):
        before = token.nbor(-1).lower_ if token.i else ""
        if following == "followed" and (before == "by" or verb_lemma(before) in _LASTING):
            return False  # "speaks quickly followed by": what lasts can be fast
        return token.lower_ in {"quickly", "closely", "swiftly", "quick"}
    return token.dep_ == "advmod" and _is_succession(token.head.lower_) and token.head.i < token.i < token.head.i + 3


def _is_succession(word: str) -> bool:
    return word.startswith("after") or verb_lemma(word) in _SUCCESSIONS


def _rate_of_change(token: Token) -> bool:
    """ "slowly fades", "quickly gets louder": the speed of a change."""
    if token.lower_ not in {"quickly", "rapidly", "slowly", "swiftly", "fast", "slow"}:
        return False
    doc = token.doc
    after = [doc[i] for i in range(token.i + 1, min(len(doc), token.i + 2))]
    if after and (
        verb_lemma(after[0].lower_) in _RATES or (after[0].lower_.startswith("speed") and followed_by(after[0], "up"))
    ):
        return True
    head = token.head
    if head.lower_.startswith("speed") and followed_by(head, "up") and token.i in {head.i - 1, head.i + 2}:
        return True
    return (
        token.dep_ == "advmod"
        and head.pos_ == "VERB"
        and verb_lemma(head.lower_) in _RATES
        and "then" not in {word.lower_ for word in token.doc[min(token.i, head.i) : max(token.i, head.i)]}
        and abs(head.i - token.i) < 4
    )


def _trend(token: Token, family: str) -> bool:
    """ "gets louder", "becomes quiet", "moves closer": a change over time. Comparatives count before a noun only."""
    if _STEADY.match(token.lower_) or family in {"nearby", "rapid"}:
        return False
    before = token.nbor(-1).lower_ if token.i else ""
    if before in {"increasingly", "gradually", "progressively"}:
        return True
    if token.lower_.endswith("er") and is_compared(token.lower_):
        if _than_another(token):
            return _after_change(token)
        return _after_change(token) or not (_before_noun(token) or _steady(token))
    if token.dep_ == "amod" or (_before_noun(token) and not _after_change(token)):
        return False
    states = family in {"quiet", "soft", "loud", "faint"}
    for verb in governors(token):
        if verb_lemma(verb.lower_) in _CHANGES and not (verb.lower_.startswith("turn") and family in {"fast", "slow"}):
            return True
        if states and verb_lemma(verb.lower_) in _STATES:
            return True
    return _after_change(token)


def _than_another(token: Token) -> bool:
    """ "louder than the other": one sound beside another; "louder than before" is a change."""
    if not followed_by(token, "than") or token.i + 2 >= len(token.doc):
        return False
    return token.nbor(2).lower_ not in {"before", "usual", "earlier", "at", "previously", "normal"}


def _steady(token: Token) -> bool:
    """ "one is quieter", "another siren sounds louder": one sound beside another, not one that changes."""
    verb = token.head
    if token.dep_ in {"acomp", "attr"}:
        return verb.lower_ in {"is", "are", "was", "were"}
    subjects = [child for child in verb.children if child.dep_ == "nsubj"]
    other = any(child.lower_ in {"another", "other", "second"} for subject in subjects for child in subject.children)
    return (
        token.dep_ == "advmod"
        and other
        and verb_lemma(verb.lower_) not in _MOVES
        and verb_lemma(verb.lower_) not in _CHANGES
    )


def _before_noun(token: Token) -> bool:
    """ "a softer horn", "one louder buzz"; in "revs louder several times" the noun is not what is louder."""
    if token.i + 1 == len(token.doc):
        return False
    before, after = (token.nbor(-1) if token.i else None), token.nbor(1)
    opens = before is None or before.pos_ in {"DET", "ADP", "NUM", "ADJ", "PUNCT", "CCONJ", "PRON"}
    opens = opens or (before is not None and before.lower_ in {"much", "somewhat", "slightly", "even", "then"})
    if modified(token) is not None and (opens or token.dep_ == "amod"):
        return True
    return opens and (after.pos_ in {"NOUN", "ADJ"} or after.lower_.endswith("ing"))


def _after_change(token: Token) -> bool:
    doc = token.doc
    for index in range(token.i - 1, max(-1, token.i - 5), -1):
        word = doc[index].lower_
        if verb_lemma(word) in _CHANGES and doc[index].pos_ in {"VERB", "AUX", "ADJ", "NOUN"}:
            return True
        if word in {"a", "an", "as"} or (word not in _DEGREES and word not in _ALSO):
            return False
    return False


def _moves(span: Span) -> bool:
    """ "moves farther away": a movement, for phrases of distance."""
    doc = span.doc
    for index in range(span.start - 1, max(-1, span.start - 6), -1):
        word = doc[index].lower_
        if word == "speed" and doc[index].pos_ == "NOUN":  # "passes at full speed far away"
            return False
        if verb_lemma(word) in _CHANGES or verb_lemma(word) in _MOVES:
            return "er " in span.text.lower() or not word.startswith(("fly", "fli", "travel", "walk", "run"))
        if word not in _ALSO and word not in {"than", "even", "slowly", ",", "away"}:
            return False
    return False
