"""Text becomes words with meanings, however they are spelled. Knows the lexicon, no rules.

A word is looked up as it stands, folded to Latin letters, with digits read as letters (`fu11`), without drawn-out
letters (`pleeease`), and cut into the words of the lexicon where it is several of them glued together.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from serving.injection.characters import folded
from serving.injection.lexicon import MEANINGS

LONGEST = 40
"""Letters of a word that is looked at whole; a longer one is no word, and is read as glued."""
SENTENCE = 2
"""How many words the end of a sentence counts as."""
_NONE: frozenset[str] = frozenset()

_WORD = re.compile(
    r"""(?P<top> \b[Aa]n\ "?A\b | (?:\b|(?<=_))an_a(?![a-z]) | \bA\ ?\+ (?![\w+]) )
    | (?P<letter> (?<![\w.]) (?: [B-H] | (?<=["'(:=,])A | \bA(?!\ [a-z])
        | (?<=[a-z]\ )A(?=\ (?:and|for|on|to|in|at|as|here|with|by)\b) )
        (?![\w'+]|\.\w) )
    | (?P<judge> \b(?i:grade|score|mark|rate)\ +(?i:this|it|me|my|as)\b )
    | (?P<stop> [.!?;](?=\s) )
    | (?P<spaced> (?<!\w) [^\W\d_] (?:[ .\-*_~] [^\W\d_] (?!\w)){3,} )
    | (?P<word> [\u0900-\u097f]+ | [^\W_](?:[^\W_]|[@$!|](?=[^\W_]))* )""",
    re.X,
)
_CAMEL = re.compile(r"[A-Z]++(?![a-z])|[A-Z]?[a-z]++|\d++|[^A-Za-z\d]++")
_CJK = re.compile(r"[\u4e00-\u9fff]")
_CJK_PHRASES = re.compile("|".join(sorted(filter(_CJK.match, MEANINGS), key=len, reverse=True)) + r"|[\u4e00-\u9fff]")
_LEET = [str.maketrans("013457@$!|", f"o{one}eastas{one}{one}") for one in "il"]
_DRAWN = re.compile(r"(.)\1{2,}")

_PREFIXES: dict[str, tuple[str, ...]] = {}
for _known in sorted(MEANINGS, key=len, reverse=True):
    if len(_known) >= 4 and _known.isascii():
        _PREFIXES[_known[:4]] = (*_PREFIXES.get(_known[:4], ()), _known)


class Word(NamedTuple):
    """`offset` counts characters in the text the word is of."""

    offset: int
    meanings: frozenset[str]


Spelling = Callable[[str], str]


def words(text: str, spelling: Spelling | None = None) -> Iterator[Word]:
    """The words of `text` in order, one a word of it, also where it means nothing.

    `spelling` reads each word another way, such as backwards; short words, which mean something by chance, are then
    left out.
    """
    for match in _WORD.finditer(text):
        if spelling is not None:
            yield Word(match.start(), meanings_of(spelling(match.group())) if len(match.group()) >= 4 else _NONE)
        elif match.lastgroup == "top":
            yield Word(match.start(), MEANINGS["topgrade"])
        elif match.lastgroup == "judge":
            yield Word(match.start(), MEANINGS["judge"] | MEANINGS["grade"])
            yield Word(match.start(), meanings_of(match.group().split()[-1]))
        elif match.lastgroup == "stop":
            yield from [Word(match.start(), _NONE)] * SENTENCE
        elif match.lastgroup == "letter":
            yield Word(match.start(), MEANINGS["lettera"])
        else:
            yield from _parts(match)


def _parts(match: re.Match[str]) -> Iterator[Word]:
    word, offset = match.group(), match.start()
    if match.lastgroup == "spaced":
        yield from (Word(offset, meaning) for meaning in _glued(re.sub(r"\W|_", "", word).lower()))
    elif len(word) > LONGEST:
        yield from (Word(offset, meaning) for meaning in _glued(word.lower()))
        yield from _chinese(word, offset)
    elif word.isascii() and (word.islower() or word.isupper() or not word.isalpha()) and not _humped(word):
        yield from (Word(offset, meanings) for meanings in _readings(word))
    elif _CJK.search(word):
        yield from _chinese(word, offset)
    elif not word.isascii() and (meanings := meanings_of(word)):
        yield Word(offset, meanings)
    else:
        for part in split_name(word):
            yield from (Word(offset, meanings) for meanings in _readings(part))
        if word.endswith("AnA"):
            yield Word(offset, MEANINGS["topgrade"])


def _chinese(word: str, offset: int) -> Iterator[Word]:
    if _CJK.search(word):
        for phrase in _CJK_PHRASES.finditer(word):
            yield Word(offset + phrase.start(), MEANINGS.get(phrase.group(), _NONE))


def _humped(word: str) -> bool:
    return any(map(str.isupper, word)) and any(map(str.islower, word)) and word.isalnum()


def split_name(name: str) -> list[str]:
    """The words of a name: `give_fullMarks2` is give, full, marks, 2."""
    return [part for piece in name.split("_") for part in _CAMEL.findall(folded(piece))]


def meanings_of(word: str) -> frozenset[str]:
    """All that one word may mean; empty for a word that the lexicon does not have."""
    lower = word.lower()
    if lower in MEANINGS:
        return MEANINGS[lower]
    if not lower.isascii():
        bare = "".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c))
        bare = bare.replace("ß", "ss").replace("\u03c2", "\u03c3") if bare not in MEANINGS else bare
        for form in (bare, folded(lower).lower()):
            if form in MEANINGS:
                return MEANINGS[form]
        lower = folded(lower).lower()
    return _misspelled(lower) if len(lower) >= 3 and not (lower.isalpha() and len(lower) < 5) else _NONE


def _misspelled(word: str) -> frozenset[str]:
    if not word.isalpha() and not word.isdigit():
        for table in _LEET:
            if (plain := word.translate(table)) in MEANINGS:
                return MEANINGS[plain]
    for drawn in (_DRAWN.sub(r"\1", word), _DRAWN.sub(r"\1\1", word)):
        if drawn in MEANINGS and drawn != word:
            return MEANINGS[drawn]
    return _NONE


@lru_cache(maxsize=1 << 15)
def _readings(word: str) -> tuple[frozenset[str], ...]:
    meanings = meanings_of(word)
    if meanings or len(word) < 10:
        return (meanings,)
    return tuple(_glued(word.lower())) or (meanings,)


def _glued(word: str) -> Iterator[frozenset[str]]:
    """The lexicon's words of four letters or more within a long word, left to right; `me`, `my` between them too."""
    word = folded(word) if not word.isascii() else word
    position = 0
    while position < len(word):
        for known in _PREFIXES.get(word[position : position + 4], ()):
            if word.startswith(known, position):
                yield MEANINGS[known]
                position += len(known)
                break
        else:
            position += 1
            if position > 3 and word[position : position + 2] in ("me", "my"):
                yield MEANINGS["me"]
