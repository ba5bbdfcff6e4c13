"""Finds the names, ids and e-mail addresses of a roster's students in a text.

Words are compared as a unit, without case and accents. Rules, from strongest to weakest evidence:

- Two adjacent parts of one person's name in any order (`Rossi, Mario`), or one part and the initial of another
  (`M. Rossi`). Across a line end or comment border only borders may separate them, and not both may be common words.
- A single part after a label such as `Author:`.
- A single surname of at least four letters, capitalized, that is not a common word. First names alone never match:
  `max`, `min` and `long` are words of programs.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import NamedTuple

from labs_schema.models import Person
from labs_schema.privacy.author_labels import COMMENT_BORDER, labelled_tokens
from labs_schema.privacy.name_tokens import (
    COMMON_WORDS,
    INVISIBLE,
    WORD,
    NameToken,
    fold,
    is_unspaced_script,
    name_tokens,
    spellings,
)

_SPACE = rf"(?:[^\S\n]|[{INVISIBLE}])"
_BETWEEN_NAMES = re.compile(rf"{_SPACE}{{0,40}}[.,_(-]?{_SPACE}{{0,40}}")
_COMMENT_BORDERS = rf"(?:[^\S\n]|[{INVISIBLE}{COMMENT_BORDER},]){{0,200}}"
_BETWEEN_LINES = re.compile(rf"{_COMMENT_BORDERS}(?:\n{_COMMENT_BORDERS})?")
_IN_IDS = frozenset((".", "@", "_", "-", "+", ""))
MAX_ID_TOKENS = 7
"""`mario.rossi@uni.it` has four tokens."""
MAX_NAMESAKES = 8
"""People compared who share two parts of their names."""


class NameMatch(NamedTuple):
    """`text[start:end]` is the name or id of a person."""

    start: int
    end: int


class NameMatcher:
    """Finds the names of `people` in texts. Time is linear in the length of a text, however many people there are."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._parts: set[str] = set()
        self._pairs: dict[tuple[str, str], list[int]] = {}
        self._parts_of: list[frozenset[str]] = []
        self._surnames: set[str] = set()
        self._joined: set[str] = set()  # `mariorossi`
        self._logins: set[str] = set()  # `mrossi`
        self._ids: set[str] = set()
        for number, person in enumerate(people):
            self._add_name(number, list(spellings(person.first)), list(spellings(person.last)))
            for each in person.ids:
                self._ids.update({fold(each), fold(each.split("@", 1)[0])} - {""})
        self._id_starts = {start.group() for each in self._ids if (start := WORD.search(each))}

    def _add_name(self, number: int, first: Sequence[str], last: Sequence[str]) -> None:
        parts = frozenset(key for key in (*first, *last) if len(key) > 1 or is_unspaced_script(key))
        self._parts_of.append(parts)
        self._parts |= parts
        for pair in {(a, b) for one, other in permutations(parts, 2) for a, b in _adjacent(one, other)}:
            people_of = self._pairs.setdefault(pair, [])
            people_of += [number] * (len(people_of) < MAX_NAMESAKES)
        self._surnames.update(key for key in last if len(key) > 3)
        pairs = ((a, b) for a in first for b in last if not (a in COMMON_WORDS and b in COMMON_WORDS))
        self._joined.update(joined for a, b in pairs for joined in (a + b, b + a) if len(joined) > 5)
        distinctive = [b for b in last if len(b) > 3 and b not in COMMON_WORDS]
        self._logins.update(login for a in first for b in distinctive for login in (a[0] + b, b + a[0]))

    def __bool__(self) -> bool:
        return bool(self._parts or self._ids)

    def find(self, text: str, *, path: bool = False) -> Iterator[NameMatch]:
        """Matches in order, without overlap. A match across lines includes the comment borders between its parts.

        In a file `path` a surname needs no capital.
        """
        folded = fold(text)
        tokens = name_tokens(text, folded, self._parts)
        labelled = labelled_tokens(text, tokens)
        i = 0
        while i < len(tokens):
            label = labelled.get(i)
            length = (
                self._match_id(folded, tokens, i, label is not None)
                or self._match_name(text, tokens, i)
                or self._match_single(tokens[i], path, label)
            )
            if length:
                yield NameMatch(tokens[i].start, tokens[i + length - 1].end)
            i += length or 1

    def _match_id(self, folded: str, tokens: Sequence[NameToken], i: int, labelled: bool) -> int:
        """The number of tokens from `i` on that form an id or e-mail address."""
        if folded[tokens[i].start : tokens[i].end] not in self._id_starts:
            return 0
        last = i
        while last - i + 1 < MAX_ID_TOKENS and last + 1 < len(tokens):
            if folded[tokens[last].end : tokens[last + 1].start] not in _IN_IDS:
                break
            last += 1
        for end in range(last, i - 1, -1):
            found = folded[tokens[i].start : tokens[end].end]
            if found in self._ids and (labelled or _is_distinctive_id(found)):
                return end - i + 1
        return 0

    def _match_name(self, text: str, tokens: Sequence[NameToken], i: int) -> int:
        """The number of tokens from `i` on that form one person's name. `Anna K. Schmidt` matches Anna Schmidt."""
        second = i + 1
        candidates = self._namesakes(tokens, i, second)
        if not candidates and second < len(tokens) and tokens[second].initial:
            candidates = self._namesakes(tokens, i, second + 1)
        return max((_match_parts(text, tokens, i, self._parts_of[person]) for person in candidates), default=0)

    def _namesakes(self, tokens: Sequence[NameToken], i: int, second: int) -> Sequence[int]:
        return self._pairs.get((tokens[i].key, tokens[second].key), ()) if second < len(tokens) else ()

    def _match_single(self, token: NameToken, path: bool, label: bool | None) -> int:
        """1 if the token alone is enough evidence, else 0. `label`: as in `labelled_tokens`, None without one."""
        if token.key in self._joined:
            return 1
        if label is not None and (token.key in self._parts or token.key in self._logins):
            return int(not token.common or (label and token.capital))
        return int(token.key in self._surnames and not token.common and (token.capital or path))


def _match_parts(text: str, tokens: Sequence[NameToken], i: int, parts: frozenset[str]) -> int:
    """The number of tokens from `i` on that are `parts` of one name or their initials; 0 if fewer than two."""
    left, full, initials, length, unknown = set(parts), list[NameToken](), list[NameToken](), 0, 0
    for end, token in enumerate(tokens[i : i + len(parts) + 1], 1):
        before = tokens[i + end - 2]
        if end > 1 and not _BETWEEN_NAMES.fullmatch(text, before.end, token.start):
            adjacent = full[-1:] == [before] and token.key in left and not all(each.weak for each in (*full, token))
            if not adjacent or not _BETWEEN_LINES.fullmatch(text, before.end, token.start):
                break
        if token.key in left:
            left.discard(token.key)
            full.append(token)
        elif token.initial and (part := next((part for part in sorted(left) if part[0] == token.key), None)):
            left.discard(part)
            initials.append(token)
        elif token.initial and full and not unknown:
            unknown = 1  # a middle initial that the roster does not list
            continue
        else:
            break
        length = end
    if not full or len(full) + len(initials) < 2:
        return 0
    certain = all(token.capital for token in full) and all(text[t.end : t.end + 1] == "." for t in initials)
    return length if certain or not all(token.weak for token in full) else 0


def _adjacent(one: str, other: str) -> tuple[tuple[str, str], ...]:
    """The ways in which two parts of a name may be adjacent: both in full, or one as an initial."""
    return (one, other), (one[0], other), (one, other[0])


def _is_distinctive_id(folded_id: str) -> bool:
    """Whether an id is recognizable without a label, unlike `1`, `42`, `s1` and `max`."""
    if folded_id.isdigit():
        return len(folded_id) > 4
    return len(folded_id) > 2 and folded_id not in COMMON_WORDS
