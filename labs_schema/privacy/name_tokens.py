"""A text as the words that names are looked for in. Knows nobody's name."""

import re
import unicodedata
from collections.abc import Iterator, Set
from functools import lru_cache
from typing import NamedTuple

from labs_schema.privacy.common_words import COMMON_WORDS

UNSPACED_SCRIPTS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""For a character class: the scripts that put no space between words."""
ACCENTS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
"""Accents, and the points of Hebrew and Arabic, with which a name may be written or not."""
VOWEL_SIGNS = "\u0900-\u0963\u0966-\u0eff"
"""The scripts of India and Thailand: what Unicode calls marks there are letters of a word."""
INVISIBLE = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
"""Soft hyphens, joiners, marks of direction."""
_LETTERS = rf"(?:[^\W_{UNSPACED_SCRIPTS}]|[{ACCENTS}{VOWEL_SIGNS}]|(?<=\w)[{INVISIBLE}]++(?=\w))+"
_QUOTES = "'`\u2019\u02bc\u00b4"
WORD = re.compile(rf"[{UNSPACED_SCRIPTS}]|{_LETTERS}(?:[{_QUOTES}](?!s\b){_LETTERS})*")
_NOT_COMPARED = re.compile(rf"['{ACCENTS}{INVISIBLE}]")
_UNFOLDED = str.maketrans("øłđıħð" + _QUOTES, "oldihd" + "'" * len(_QUOTES))
_SPELT = {"ä": ("a", "ae"), "ö": ("o", "oe"), "ü": ("u", "ue"), "ø": ("o", "oe"), "å": ("a", "aa")} | {
    letter: (letter, both) for letter, both in {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}.items()
}


def spellings(name: str) -> Iterator[str]:
    """The keys of a name's words, each in all its spellings."""
    for match in WORD.finditer(unicodedata.normalize("NFC", name)):
        spelt = [""]
        for char in match.group().lower():
            spelt = [head + tail for head in spelt for tail in _SPELT.get(char, (char,))][:8]
        yield from dict.fromkeys(match_key(fold(each)) for each in spelt)


def match_key(word: str) -> str:
    """By what a fold word is compared."""
    return word if word.isalnum() and word.isascii() else _NOT_COMPARED.sub("", word)


def fold(text: str) -> str:
    """Of the same length: lower case, without accents."""
    return text.lower().translate(_UNFOLDED) if text.isascii() else "".join(map(_folded_char, text))


def is_unspaced_script(key: str) -> bool:
    """Whether it is of a script that puts no space between words."""
    return re.match(f"[{UNSPACED_SCRIPTS}]", key) is not None


@lru_cache(maxsize=4096)
def _folded_char(char: str) -> str:
    base = unicodedata.normalize("NFKD", char)[0].lower().translate(_UNFOLDED)
    return base if len(base) == 1 else char


class NameToken(NamedTuple):
    """`text[start:end]`. `key` is how it is compared."""

    start: int
    end: int
    key: str
    capital: bool

    @property
    def plain(self) -> bool:
        return self.key in COMMON_WORDS

    @property
    def weak(self) -> bool:
        """Whether it says little of anybody: plain, or of a few letters."""
        return self.plain or (len(self.key) < 4 and not is_unspaced_script(self.key))

    @property
    def initial(self) -> bool:
        return len(self.key) == 1 and self.capital


def name_tokens(text: str, fold: str, known: Set[str]) -> list[NameToken]:
    """In order. `fold`: the text as `spelling.fold` has it. `rossi2` counts as `rossi`, unless it is `known`."""
    words = []
    for match in WORD.finditer(text):
        start, end = match.span()
        key = match_key(fold[start:end])
        bare = key.rstrip("0123456789")
        words.append(NameToken(start, end, bare if len(bare) > 1 and key not in known else key, text[start].isupper()))
    return words
