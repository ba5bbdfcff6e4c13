"""Where a text names a student: by a name, an id or an e-mail address of a roster. Knows no files and no programs.

Words are compared whole, without case and accents. A name is two parts of one person's name side by side, in any order
(`Rossi, Mario`), or one and the initial of another (`M. Rossi`). One part alone is a name only where it is a surname of
at least four letters, written with a capital, and no plain word; behind `Author:` any part is. A first name alone is
not: `max`, `min` and `long` are words of programs.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import NamedTuple

from labs_schema.models import Person
from labs_schema.plain_words import PLAIN_WORDS
from labs_schema.spelling import WORD, folded, key_of, spellings, stands_alone

_BETWEEN_NAMES = re.compile(r"[ \t]{0,3}[.,_-]?[ \t]{0,3}")
_IN_IDS = frozenset((".", "@", "_", "-", "+", ""))
_LABEL = re.compile(
    r"\b(?:authors?|autore?s?|autora|auteure?|autorin|verfasser(?:in)?|written by|made by|created by|done by|"
    r"student|studente|studentessa|estudante|estudiante|étudiant|alumn[oai]|aluno|hecho por|feito por|scritto da)"
    r"\b[ \t]*+(?:[:=-]|\bis\b)?[ \t]*+",
    re.IGNORECASE,
)
MOST_OF_ID = 7
"""Words of an id or address, such as the four of `mario.rossi@uni.it`."""
MOST_AFTER_LABEL = 5
MOST_OF_A_PAIR = 8
"""People looked at who share two parts of their names."""


class Place(NamedTuple):
    """`text[start:end]` names somebody."""

    start: int
    end: int


class _Word(NamedTuple):
    """`key` is how it is compared."""

    start: int
    end: int
    key: str
    capital: bool

    @property
    def plain(self) -> bool:
        return self.key in PLAIN_WORDS


class Names:
    """The names of `people`, ready to be looked for in any number of texts. Looking takes a time proportional to a
    text's length, however many people there are."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._parts: set[str] = set()
        self._pairs: dict[tuple[str, str], list[int]] = {}
        self._of: list[frozenset[str]] = []
        self._surnames: set[str] = set()
        self._joined: set[str] = set()
        self._ids: set[str] = set()
        for number, person in enumerate(people):
            first, last = list(spellings(person.first)), list(spellings(person.last))
            parts = frozenset(key for key in (*first, *last) if len(key) > 1 or stands_alone(key))
            self._of.append(parts)
            self._parts |= parts
            for pair in {(a, b) for one, other in permutations(parts, 2) for a, b in _begun(one, other)}:
                people_of = self._pairs.setdefault(pair, [])
                people_of += [number] * (len(people_of) < MOST_OF_A_PAIR)
            self._surnames.update(key for key in last if len(key) > 3)
            pairs = ((a, b) for a in first for b in last if not (a in PLAIN_WORDS and b in PLAIN_WORDS))
            self._joined.update(joined for a, b in pairs for joined in (a + b, b + a) if len(joined) > 5)
            for each in person.ids:
                self._ids.update({folded(each), folded(each.split("@", 1)[0])} - {""})
        self._id_begins = {begun.group() for each in self._ids if (begun := WORD.search(each))}

    def __bool__(self) -> bool:
        return bool(self._parts or self._ids)

    def places(self, text: str, *, path: bool = False) -> Iterator[Place]:
        """In the order of the text, without overlap, none across a line's end. `path`: a surname needs no capital."""
        whole = folded(text)
        words = [
            _Word(m.start(), m.end(), key_of(whole[m.start() : m.end()]), text[m.start()].isupper())
            for m in WORD.finditer(text)
        ]
        labelled = _labelled(text, words)
        i = 0
        while i < len(words):
            known = i in labelled
            length = (
                self._id(whole, words, i, known) or self._name(text, words, i) or self._alone(words, i, path, known)
            )
            if length:
                yield Place(words[i].start, words[i + length - 1].end)
            i += length or 1

    def _id(self, whole: str, words: Sequence[_Word], i: int, labelled: bool) -> int:
        """How many words from `i` on are an id or an address."""
        if whole[words[i].start : words[i].end] not in self._id_begins:
            return 0
        last = i
        while last - i + 1 < MOST_OF_ID and last + 1 < len(words):
            if whole[words[last].end : words[last + 1].start] not in _IN_IDS:
                break
            last += 1
        for end in range(last, i - 1, -1):
            found = whole[words[i].start : words[end].end]
            if found in self._ids and (labelled or _tells(found)):
                return end - i + 1
        return 0

    def _name(self, text: str, words: Sequence[_Word], i: int) -> int:
        """How many words from `i` on are one person's name."""
        if i + 1 == len(words):
            return 0
        candidates = self._pairs.get((words[i].key, words[i + 1].key), ())
        return max((self._run(text, words, i, self._of[person]) for person in candidates), default=0)

    def _run(self, text: str, words: Sequence[_Word], i: int, parts: frozenset[str]) -> int:
        left, whole, initials, end = set(parts), [], 0, i
        dotted = True
        while end < len(words) and (end == i or _BETWEEN_NAMES.fullmatch(text, words[end - 1].end, words[end].start)):
            word = words[end]
            if word.key in left:
                left.discard(word.key)
                whole.append(word)
            elif _initial(word) and (meant := next((part for part in sorted(left) if part[0] == word.key), None)):
                left.discard(meant)
                initials += 1
                dotted = dotted and text[word.end : word.end + 1] == "."
            else:
                break
            end += 1
        if not whole or len(whole) + initials < 2:
            return 0
        if all(word.plain or len(word.key) < 4 for word in whole) and not stands_alone(whole[0].key):
            sure = all(word.capital for word in whole) and (dotted if initials else True)
            return end - i if sure else 0
        return end - i

    def _alone(self, words: Sequence[_Word], i: int, path: bool, labelled: bool) -> int:
        word = words[i]
        key = word.key.rstrip("0123456789") or word.key
        if key in self._joined:
            return 1
        if labelled and word.key in self._parts:
            return int(word.capital or not word.plain)
        return int(key in self._surnames and key not in PLAIN_WORDS and (word.capital or path))


def _begun(one: str, other: str) -> tuple[tuple[str, str], ...]:
    """Two parts of a name side by side, whole or one of them by its initial."""
    return (one, other), (one[0], other), (one, other[0])


def _labelled(text: str, words: Sequence[_Word]) -> set[int]:
    """The words that follow a label such as `Author:` on its line."""
    starts, found = [word.start for word in words], set[int]()
    for label in _LABEL.finditer(text):
        first = bisect_left(starts, label.end())
        behind = range(first, min(first + MOST_AFTER_LABEL, len(words)))
        found.update(i for i in behind if "\n" not in text[label.end() : words[i].start])
    return found


def _tells(folded_id: str) -> bool:
    """Whether an id can be known without a label: not `1`, `42`, `s1`, `max`."""
    if folded_id.isdigit():
        return len(folded_id) > 4
    return len(folded_id) > 2 and folded_id not in PLAIN_WORDS


def _initial(word: _Word) -> bool:
    return len(word.key) == 1 and word.capital
