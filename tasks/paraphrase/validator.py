"""What a paraphrase must satisfy: the same sides, as strong, of the same events, in the same words up to synonyms.

Strict on purpose: small models drop a word or invent an event. Source: SPEC A7.
"""

from __future__ import annotations

from tasks.language.content import content_words, meaningful, unmatched, words
from tasks.language.cues import Cue, CuedCaption
from tasks.language.finder import all_cues, find_cues, without_cues
from tasks.language.meaning import meaning_problems
from tasks.language.same_sound import in_words_of
from tasks.language.similarity import similarity_problems
from tasks.language.synonyms import classes
from tasks.language.validator import form_problems, is_endless


def problems_of(
    caption: CuedCaption, paraphrase: str, *, parse: bool = False, min_similarity: float = 0.0
) -> list[str]:
    """Returns why `paraphrase` is not one of `caption`; empty when it is.

    With `parse` the subjects of verbs are compared by the dependency parse, which must have been fetched. What has no
    other problem is refused when the similarity of its events (`event_similarity`) is under `min_similarity`.
    """
    before = caption.text
    if is_endless(before, paraphrase):
        return ["too long"]
    problems = form_problems(before, paraphrase)
    old_cues, new_cues = all_cues(caption), _cues_in(paraphrase, caption.cue)
    after = [CuedCaption(text=paraphrase, cue=cue) for cue in new_cues if cue.side == caption.cue.side]
    told = [in_words_of(caption, one) for one in after]
    old_claims, new_claims = _claims(old_cues), _claims(new_cues)
    if lost := sorted(old_claims - new_claims):
        problems.append(f"does not say {lost[0]}")
    if added := sorted(new_claims - old_claims):
        problems.append(f"says {added[0]}")
    text = told[0].text if told else paraphrase
    old = content_words(without_cues(before, old_cues))
    new = content_words(without_cues(text, _cues_in(text, caption.cue)))
    if wording(before) == wording(paraphrase) and "a copy" not in problems:
        problems.append("a copy")
    problems += [f"lost {word!r}" for word in unmatched(meaningful(old), new, classes)[:1]]
    problems += [f"added {word!r}" for word in unmatched(meaningful(new), old, classes)[:1]]
    meant = [meaning_problems(caption, one, parse=parse) for one in told]
    fewest: list[str] = min(meant, key=len, default=[])
    problems += fewest
    return problems or similarity_problems(caption, told[0], min_similarity)


def wording(text: str) -> tuple[str, ...]:
    """Returns the words without articles: "the dog barks" is no paraphrase of "a dog barks"."""
    return tuple(word for word in words(text) if word not in ("a", "an", "the"))


def _cues_in(paraphrase: str, cue: Cue) -> list[Cue]:
    """The paraphrase's cues. The caption's own cue counts where it is repeated word for word, found or not."""
    start = paraphrase.lower().find(cue.words.lower())
    if start < 0:
        return find_cues(paraphrase)
    return all_cues(CuedCaption.at(paraphrase, cue.side, start, start + len(cue.words), cue.pos))


def _claims(cues: list[Cue]) -> set[str]:
    """The sides said; speed with its strength, because "very fast" and "fast" are two levels."""
    return {f"very {cue.side}" if cue.strong and cue.side in ("fast", "slow") else cue.side for cue in cues}
