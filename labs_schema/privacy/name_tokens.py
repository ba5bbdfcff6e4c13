"""Tokenizer for name matching: words, compared without case, accents, apostrophes and invisible characters."""

import re
import unicodedata
from collections.abc import Iterator, Set
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

from labs_schema.source.lexer import KEYWORDS

_WORDS = files("labs_schema.privacy").joinpath("common_words.txt").read_text(encoding="utf-8")
COMMON_WORDS = frozenset(word.casefold() for word in (*_WORDS.split(), *KEYWORDS))
"""Case-folded words that are also names: such a word alone never matches a surname or an id.

English words that are common surnames, then words that are frequent in programs. `benchmarks/data/redaction.py`
measures their effect on the comments of real labs.
"""
UNSPACED_SCRIPTS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""For a character class: scripts without spaces between words."""
ACCENTS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
"""Combining accents, and the optional vowel points of Hebrew and Arabic."""
VOWEL_SIGNS = "\u0900-\u0963\u0966-\u0eff"
"""Scripts of India and South-East Asia, where characters that Unicode calls marks are letters of a word."""
INVISIBLE = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
"""Soft hyphens, joiners and direction marks."""
_LETTERS = rf"(?:[^\W_{UNSPACED_SCRIPTS}]|[{ACCENTS}{VOWEL_SIGNS}]|(?<=\w)[{INVISIBLE}]++(?=\w))+"
_QUOTES = "'`\u2019\u02bc\u00b4"
WORD = re.compile(rf"[{UNSPACED_SCRIPTS}]|{_LETTERS}(?:[{_QUOTES}](?!s\b){_LETTERS})*")
_NOT_COMPARED = re.compile(rf"['{ACCENTS}{INVISIBLE}]")
_FOLDED_LETTERS = str.maketrans("øłđıħð" + _QUOTES, "oldihd" + "'" * len(_QUOTES))
_SPELLINGS = {
    "ä": ("a", "ae"),
    "ö": ("o", "oe"),
    "ü": ("u", "ue"),  # codespell:ignore ue
    "ø": ("o", "oe"),
    "å": ("a", "aa"),
    "ß": ("ß", "ss"),
    "æ": ("æ", "ae"),
    "œ": ("œ", "oe"),
    "þ": ("þ", "th"),
}


def spellings(name: str) -> Iterator[str]:
    """The match keys of a name's words, in all their spellings: `Müller` gives `muller` and `mueller`."""
    for match in WORD.finditer(unicodedata.normalize("NFC", name)):
        variants = [""]
        for char in match.group().lower():
            variants = [head + tail for head in variants for tail in _SPELLINGS.get(char, (char,))][:8]
        yield from dict.fromkeys(match_key(fold(variant)) for variant in variants)


def match_key(folded: str) -> str:
    """The key by which a folded word is compared."""
    return folded if folded.isalnum() and folded.isascii() else _NOT_COMPARED.sub("", folded)


def fold(text: str) -> str:
    """`text` in lower case without accents, of the same length."""
    return text.lower().translate(_FOLDED_LETTERS) if text.isascii() else "".join(map(_fold_char, text))


def is_unspaced_script(key: str) -> bool:
    return re.match(f"[{UNSPACED_SCRIPTS}]", key) is not None


@lru_cache(maxsize=4096)
def _fold_char(char: str) -> str:
    base = unicodedata.normalize("NFKD", char)[0].lower().translate(_FOLDED_LETTERS)
    return base if len(base) == 1 else char


class NameToken(NamedTuple):
    """The word `text[start:end]`; words with equal `key` match."""

    start: int
    end: int
    key: str
    capital: bool

    @property
    def common(self) -> bool:
        return self.key in COMMON_WORDS

    @property
    def weak(self) -> bool:
        """Whether it is little evidence of a name: a common word, or shorter than four letters."""
        return self.common or (len(self.key) < 4 and not is_unspaced_script(self.key))

    @property
    def initial(self) -> bool:
        return len(self.key) == 1 and self.capital


def name_tokens(text: str, folded: str, known: Set[str]) -> list[NameToken]:
    """The words of `text`, in order. `folded` is `fold(text)`. `rossi2` counts as `rossi` unless it is in `known`."""
    tokens = []
    for match in WORD.finditer(text):
        start, end = match.span()
        key = match_key(folded[start:end])
        bare = key.rstrip("0123456789")
        tokens.append(NameToken(start, end, bare if len(bare) > 1 and key not in known else key, text[start].isupper()))
    return tokens
