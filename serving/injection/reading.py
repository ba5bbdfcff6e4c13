"""Passages of a program are read for what they say, and the places that speak to a grader come out. Knows no files.

A passage is a piece of text with its place. Passages of one channel (all comments, all strings, all names) are read
as one stream, so that a sentence spread over several of them is still a sentence.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from serving.injection.phrases import forms
from serving.injection.rules import PRINTED_LETTER, RULES_OF, SUSPICIOUS, WEAK, WEAK_TOGETHER, WINDOW, Rule
from serving.injection.words import Spelling, Word, words

HIDING = 0.5
"""What it adds to the score that the text was hidden."""

PLEA = 0.6
"""The weight of a plea that is enough in a name."""


class Passage(NamedTuple):
    """`offset`: where `text` begins in its file. `gap`: how many words it counts as from the passage before."""

    offset: int
    text: str
    gap: int = 1


class Hit(NamedTuple):
    """A rule that holds. `place` counts words in the stream; `first` and `last` are offsets of its outermost words."""

    place: int
    first: int
    last: int
    intent: str
    weight: float


def hits(passages: Iterable[Passage], *, printed: bool = False, spelling: Spelling | None = None) -> Iterator[Hit]:
    """All rules and forms that hold in a stream, in its order. `spelling`: each word is read so instead."""
    seen: dict[str, tuple[int, int]] = {}  # meaning -> place and offset of the last word that has it
    place, before = 0, frozenset[str]()
    for passage in passages:
        place += passage.gap
        found = list(words(passage.text, spelling))
        if spelling is None:
            yield from _forms(passage, found, place, printed)
        for word in found:
            place += 1
            if word.meanings and word.meanings != before:  # a word said again says nothing new
                for hit in _rules(word.meanings, place, passage.offset + word.offset, seen):
                    weak = printed and hit.intent == "letter"
                    yield hit._replace(weight=hit.weight * PRINTED_LETTER) if weak else hit
            before = word.meanings


def suspicious(found: Iterable[Hit], start: float = 0.0) -> Iterator[Hit]:
    """The weightiest hit of every window whose intents add up with `start` to something suspicious."""
    latest: dict[tuple[str, float], Hit] = {}
    for hit in sorted(found):
        latest[hit.intent, hit.weight] = hit
        best: dict[str, Hit] = {}
        for each in latest.values():
            if (
                each.place >= hit.place - WINDOW
                and each.weight > best.get(each.intent, hit._replace(weight=0.0)).weight
            ):
                best[each.intent] = each
        if start + _total(each.weight for each in best.values()) >= SUSPICIOUS - 1e-9:
            yield max(best.values(), key=lambda each: each.weight)
            latest.clear()


def _total(weights: Iterable[float]) -> float:
    weights = list(weights)
    weak = sum(weight for weight in weights if weight < WEAK)
    return sum(weight for weight in weights if weight >= WEAK) + min(weak, WEAK_TOGETHER)


def pleads(name: str) -> bool:
    """Whether a name asks for marks: it needs to do no more, because then it is a sentence and no name."""
    return any(hit.intent == "plea" and hit.weight >= PLEA for hit in hits([Passage(0, name)]))


def _rules(meanings: frozenset[str], place: int, offset: int, seen: dict[str, tuple[int, int]]) -> Iterator[Hit]:
    for meaning in meanings:
        seen[meaning] = place, offset
    held: dict[str, Hit] = {}  # of each intent the weightiest
    for rule in _rules_of(meanings):
        at = [seen[meaning] for meaning in rule.meanings if meaning in seen]
        if len(at) == len(rule.meanings) and (first := min(at))[0] >= place - rule.span:
            hit = Hit(place, first[1], offset, rule.intent, rule.weight)
            held[rule.intent] = max(held.get(rule.intent, hit), hit, key=lambda each: each.weight)
    yield from held.values()


@lru_cache(maxsize=4096)
def _rules_of(meanings: frozenset[str]) -> tuple[Rule, ...]:
    return tuple(dict.fromkeys(rule for meaning in sorted(meanings) for rule in RULES_OF.get(meaning, ())))


def _forms(passage: Passage, found: list[Word], place: int, printed: bool) -> Iterator[Hit]:
    offsets = [word.offset for word in found]
    for form in forms(passage.text, printed):
        offset = passage.offset + form.offset
        yield Hit(place + bisect_left(offsets, form.offset), offset, offset, form.intent, form.weight)
