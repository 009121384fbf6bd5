"""Whether a new caption tells of the same events as the old one: who does what, in which order, and which is fast.

Words are compared by their plain forms and synonyms, events by the words that name them, subjects by the dependency
parse where the parser was fetched. Source: SPEC A6.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from tasks.language.clauses import SEQUENCE, Span, events
from tasks.language.content import content_words, is_content, is_neutral, meaningful, unmatched
from tasks.language.cues import CuedCaption, blanked
from tasks.language.finder import find_cues
from tasks.language.inflect import inflected, word_classes
from tasks.language.parse import parsed
from tasks.language.synonyms import classes

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_NEGATIONS: Final = frozenset((
    "not", "no", "never", "nothing", "without", "hardly", "neither", "nor", "cannot", "rarely", "scarcely", "stop",
    "stops", "stopped", "stopping"
))  # fmt: skip
_ONE: Final = re.compile(r"\b(?:an?|one) ((?:[\w'’-]+ ?){1,4})")
_SUBJECTS: Final = frozenset(("nsubj", "csubj"))


def meaning_problems(before: CuedCaption, after: CuedCaption, *, parse: bool) -> list[str]:
    """Returns why `after` tells of other events than `before`, or says its cue of another one; empty when it does not.

    Both have a cue: the words that say the level. With `parse`, subjects are compared by the dependency parse.
    """
    old, new = masked(before), masked(after)
    problems = [*_binding(before, after, old, new), *_mixed(old, new), *_order(old, new), *_number(old, new)]
    negations = (_NEGATIONS & set(content_words(new))) - set(content_words(old))
    problems += [f"adds {word!r}" for word in sorted(negations)[:1]]
    return problems + (_roles(before.text, after.text, [old[start:end] for start, end in events(old)]) if parse else [])


def masked(caption: CuedCaption) -> str:
    """Returns the text with spaces in the place of its cues, every other character at its offset."""
    return blanked(caption.text, (caption.cue, *find_cues(caption.text)))


def said_of_all(caption: CuedCaption) -> bool:
    """Whether the cue stands in front of a caption of several events, and so is said of all of them."""
    in_front = caption.cue.start == 0 and not _goes_ahead(caption)
    return in_front and len(events(masked(caption))) > 1


def _binding(before: CuedCaption, after: CuedCaption, old: str, new: str) -> list[str]:
    if said_of_all(after) and not said_of_all(before):
        return ["says the level of all events"]
    spans = events(old)
    governors = _governors(before, old)
    if len(spans) < 2 or not governors:
        return []
    named = [_classes(content_words(old[start:end])) for start, end in spans]
    own = next(number for number, (_, end) in enumerate(spans) if governors[0].start() < end)
    owners = [
        {number for number, event in enumerate(named) if event & classes(word.group().lower())}
        for word in _governors(after, new)
    ]
    named_once = (found for found in owners if len(found) == 1)  # a verb of two events is told apart by its subject
    nearest = next(named_once, None) or next(filter(None, owners), {own})
    return [] if own in nearest else ["says the level of another event"]


def _event_of_cue(caption: CuedCaption, text: str) -> Span:
    """The event that the cue stands in; one between two commas belongs to the event before them."""
    spans = events(text) or ((0, len(text)),)
    number = next((number for number, (_, end) in enumerate(spans) if caption.cue.start < end), len(spans) - 1)
    if number and not _goes_ahead(caption) and not content_words(text[spans[number][0] : caption.cue.start]):
        number -= 1
    return spans[number]


def _goes_ahead(caption: CuedCaption) -> bool:
    return caption.role in ("attribute", "before_verb")


def _governors(caption: CuedCaption, text: str) -> list[re.Match[str]]:
    """The content words of the cue's event, else of the caption, in the order in which the cue may belong to them.

    An attribute, and an adverb before its verb, belong to a word after them, the rest to a word before.
    """
    cue = caption.cue
    start, end = _event_of_cue(caption, text)
    before, after = [*_WORD.finditer(text, 0, cue.start)][::-1], [*_WORD.finditer(text, cue.end)]
    nearest = (*after, *before) if _goes_ahead(caption) else (*before, *after)
    found = [word for word in nearest if is_content(word.group().lower()) and not is_neutral(word.group().lower())]
    return [word for word in found if start <= word.start() < end] or found


def _mixed(old: str, new: str) -> list[str]:
    """Whether an event of `new` has words of two events of `old`, which are then split: "a man barks, a dog speaks"."""
    groups = [_classes(meaningful(content_words(old[start:end]))) for start, end in events(old)]
    if len(groups) < 2:
        return []
    unique = [group - set().union(*(other for other in groups if other is not group)) for group in groups]
    found: list[set[int]] = []
    for start, end in events(new):
        names = _classes(content_words(new[start:end]))
        found.append({number for number, group in enumerate(unique) if group & names})
    for numbers in found:
        split = [number for number in numbers if sum(number in others for others in found) > 1]
        if len(numbers) > 1 and split:
            return ["changes who does what"]
    return []


def _order(old: str, new: str) -> list[str]:
    first, second = _in_time(old), _in_time(new)
    if len(first) == len(second) == 1:
        return []
    if len(first) != len(second) and (len(first) == 1 or len(second) == 1):
        return ["changes the order of events"]
    for one, other in zip(first, second, strict=False):
        if unmatched(one, other, classes):
            return ["changes the order of events"]
    return []


def _in_time(text: str) -> list[set[str]]:
    """The content words of the events that come one after another, earliest first."""
    marks = list(SEQUENCE.finditer(text))
    starts = [0, *(mark.end() for mark in marks)]
    ends = [*(mark.start() for mark in marks), len(text)]
    parts = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    ordered = [parts[0]]
    for mark, part in zip(marks, parts[1:], strict=True):
        word = mark.group().lower()
        if word in ("before", "after") and not ordered[-1].strip(" ,"):  # "After a bell rings, a dog barks"
            first, _, rest = part.partition(",")
            ordered[-1:] = [first, rest] if word == "after" else [rest, first]
        elif word == "after":
            ordered.insert(len(ordered) - 1, part)
        else:
            ordered.append(part)
    found = [meaningful(content_words(part)) for part in ordered]
    return [names for names in found if names] or [set()]


def _number(old: str, new: str) -> list[str]:
    for one, other in ((old, new), (new, old)):
        here, there = set(content_words(one)), set(content_words(other))
        for noun in _singular(one):
            if noun not in there and inflected(noun, "NNS") in there - here:
                return [f"changes the number of {noun!r}"]
    return []


def _singular(text: str) -> list[str]:
    """The nouns that "a" or "one" is said of."""
    found = []
    for match in _ONE.finditer(text.lower()):
        for word in match.group(1).split():
            if word.endswith(("'s", "’s")):  # of "a kettle's whistle" the kettle is one
                found.append(word[:-2])
                break
            known = word_classes(word)
            if word.endswith("s") and "VERB" in known:
                break
            if "NOUN" in known and is_content(word):
                found.append(word)
    return found


def _roles(old: str, new: str, spans: Sequence[str]) -> list[str]:
    """Whether a verb's subject in `new` had another part in the same event of `old`: "a cat chases a dog"."""
    first, second = _subjects(old), _subjects(new)
    kept = _classes(content_words(new))
    for verb, subjects in second.items():
        before = first.get(verb, set())
        groups = [_classes(content_words(span)) for span in spans]
        both = any(verb in group and subjects & group and before & group for group in groups)
        if before & kept and not before & subjects and both:
            return ["changes who does what"]
    return []


def _subjects(text: str) -> dict[str, set[str]]:
    """The classes of each verb's subjects."""
    found: dict[str, set[str]] = {}
    sentence = parsed(text) or ()
    for word in sentence:
        head = sentence[word.head]
        if word.dependency in _SUBJECTS and head.pos == "VERB" and is_content(word.text):
            for verb in classes(head.text):
                found.setdefault(verb, set()).update(classes(word.text))
    return found


def _classes(found: Iterable[str]) -> set[str]:
    return {one for word in found for one in classes(word)}
