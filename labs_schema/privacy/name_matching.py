"""Where a text names a student: by a name, an id or an e-mail address of a roster. Knows no files and no programs.

Words are compared whole, without case and accents. A name is two parts of one person's name side by side, in any order
(`Rossi, Mario`), or one and the initial of another (`M. Rossi`). One part alone is a name only where it is a surname of
at least four letters, written with a capital, and no plain word; behind `Author:` any part is. A first name alone is
not: `max`, `min` and `long` are words of programs. Over the end of a line, or of a comment, two parts are side by side
where borders are all that is between them, and not both may be plain words.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import NamedTuple

from labs_schema.models import Person
from labs_schema.privacy.author_labels import BORDER, labelled_tokens
from labs_schema.privacy.common_words import COMMON_WORDS
from labs_schema.privacy.name_tokens import INVISIBLE, WORD, NameToken, fold, is_unspaced_script, name_tokens, spellings

_SPACE = rf"(?:[^\S\n]|[{INVISIBLE}])"
_BETWEEN_NAMES = re.compile(rf"{_SPACE}{{0,40}}[.,_(-]?{_SPACE}{{0,40}}")
_BORDERS = rf"(?:[^\S\n]|[{INVISIBLE}{BORDER},]){{0,200}}"
_BETWEEN_LINES = re.compile(rf"{_BORDERS}(?:\n{_BORDERS})?")
_IN_IDS = frozenset((".", "@", "_", "-", "+", ""))
MOST_OF_ID = 7
"""Words of an id or address, such as the four of `mario.rossi@uni.it`."""
MOST_OF_A_PAIR = 8
"""People looked at who share two parts of their names."""


class NameMatch(NamedTuple):
    """`text[start:end]` names somebody."""

    start: int
    end: int


class NameMatcher:
    """The names of `people`, ready to be looked for in any number of texts. Looking takes a time proportional to a
    text's length, however many people there are."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._parts: set[str] = set()
        self._pairs: dict[tuple[str, str], list[int]] = {}
        self._of: list[frozenset[str]] = []
        self._surnames: set[str] = set()
        self._joined: set[str] = set()
        self._logins: set[str] = set()
        self._ids: set[str] = set()
        for number, person in enumerate(people):
            first, last = list(spellings(person.first)), list(spellings(person.last))
            parts = frozenset(key for key in (*first, *last) if len(key) > 1 or is_unspaced_script(key))
            self._of.append(parts)
            self._parts |= parts
            for pair in {(a, b) for one, other in permutations(parts, 2) for a, b in _begun(one, other)}:
                people_of = self._pairs.setdefault(pair, [])
                people_of += [number] * (len(people_of) < MOST_OF_A_PAIR)
            self._surnames.update(key for key in last if len(key) > 3)
            pairs = ((a, b) for a in first for b in last if not (a in COMMON_WORDS and b in COMMON_WORDS))
            self._joined.update(joined for a, b in pairs for joined in (a + b, b + a) if len(joined) > 5)
            telling = [b for b in last if len(b) > 3 and b not in COMMON_WORDS]
            self._logins.update(login for a in first for b in telling for login in (a[0] + b, b + a[0]))
            for each in person.ids:
                self._ids.update({fold(each), fold(each.split("@", 1)[0])} - {""})
        self._id_begins = {begun.group() for each in self._ids if (begun := WORD.search(each))}

    def __bool__(self) -> bool:
        return bool(self._parts or self._ids)

    def find(self, text: str, *, path: bool = False) -> Iterator[NameMatch]:
        """In the order of the text, without overlap. One that goes over the ends of lines has the borders of a comment
        in it. `path`: a surname needs no capital."""
        whole = fold(text)
        words = name_tokens(text, whole, self._parts)
        labelled = labelled_tokens(text, words)
        i = 0
        while i < len(words):
            label = labelled.get(i)
            length = (
                self._id(whole, words, i, label is not None)
                or self._name(text, words, i)
                or self._alone(words[i], path, label)
            )
            if length:
                yield NameMatch(words[i].start, words[i + length - 1].end)
            i += length or 1

    def _id(self, whole: str, words: Sequence[NameToken], i: int, labelled: bool) -> int:
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

    def _name(self, text: str, words: Sequence[NameToken], i: int) -> int:
        """How many words from `i` on are one person's name. `Anna K. Schmidt` is Anna Schmidt's."""
        second = i + 1
        candidates = self._of_pair(words, i, second)
        if not candidates and second < len(words) and words[second].initial:
            candidates = self._of_pair(words, i, second + 1)
        return max((self._run(text, words, i, self._of[person]) for person in candidates), default=0)

    def _of_pair(self, words: Sequence[NameToken], i: int, second: int) -> Sequence[int]:
        return self._pairs.get((words[i].key, words[second].key), ()) if second < len(words) else ()

    def _run(self, text: str, words: Sequence[NameToken], i: int, parts: frozenset[str]) -> int:
        left, whole, initials, length, unknown = set(parts), list[NameToken](), list[NameToken](), 0, 0
        for end, word in enumerate(words[i : i + len(parts) + 1], 1):
            before = words[i + end - 2]
            if end > 1 and not _BETWEEN_NAMES.fullmatch(text, before.end, word.start):
                halves = whole[-1:] == [before] and word.key in left and not all(each.weak for each in (*whole, word))
                if not halves or not _BETWEEN_LINES.fullmatch(text, before.end, word.start):
                    break
            if word.key in left:
                left.discard(word.key)
                whole.append(word)
            elif word.initial and (meant := next((part for part in sorted(left) if part[0] == word.key), None)):
                left.discard(meant)
                initials.append(word)
            elif word.initial and whole and not unknown:
                unknown = 1
                continue
            else:
                break
            length = end
        if not whole or len(whole) + len(initials) < 2:
            return 0
        sure = all(word.capital for word in whole) and all(text[word.end : word.end + 1] == "." for word in initials)
        return length if sure or not all(word.weak for word in whole) else 0

    def _alone(self, word: NameToken, path: bool, label: bool | None) -> int:
        """Whether one word is enough. `label`: what is beside it, None for nothing."""
        if word.key in self._joined:
            return 1
        if label is not None and (word.key in self._parts or word.key in self._logins):
            return int(not word.plain or (label and word.capital))
        return int(word.key in self._surnames and not word.plain and (word.capital or path))


def _begun(one: str, other: str) -> tuple[tuple[str, str], ...]:
    """Two parts of a name side by side, whole or one of them by its initial."""
    return (one, other), (one[0], other), (one, other[0])


def _tells(folded_id: str) -> bool:
    """Whether an id can be known without a label: not `1`, `42`, `s1`, `max`."""
    if folded_id.isdigit():
        return len(folded_id) > 4
    return len(folded_id) > 2 and folded_id not in COMMON_WORDS
