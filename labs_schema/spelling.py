"""Words of names, and how they are compared: without case, accents and apostrophes. Knows nobody's name."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

LETTERS_ALONE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""For a character class: the scripts that put no space between words."""
_LETTERS = rf"(?:[^\W_{LETTERS_ALONE}]|[\u0300-\u036f])+"
_QUOTES = "'`\u2019\u02bc\u00b4"
WORD = re.compile(rf"[{LETTERS_ALONE}]|{_LETTERS}(?:[{_QUOTES}](?!s\b){_LETTERS})*")
_UNFOLDED = str.maketrans("øłđıħ" + _QUOTES, "oldih" + "'" * len(_QUOTES))
_SPELT = {"ä": ("a", "ae"), "ö": ("o", "oe"), "ü": ("u", "ue"), "ß": ("ß", "ss"), "ø": ("o", "oe"), "å": ("a", "aa")}


def spellings(name: str) -> Iterator[str]:
    """The keys of a name's words, each in all its spellings."""
    for match in WORD.finditer(unicodedata.normalize("NFC", name)):
        spelt = [""]
        for char in match.group().lower():
            spelt = [head + tail for head in spelt for tail in _SPELT.get(char, (char,))][:8]
        yield from dict.fromkeys(key_of(folded(each)) for each in spelt)


def key_of(word: str) -> str:
    """By what a folded word is compared."""
    if word.isalnum():
        return word
    return "".join(char for char in word if char != "'" and not "\u0300" <= char <= "\u036f")


def folded(text: str) -> str:
    """Of the same length: lower case, without accents."""
    return text.lower().translate(_UNFOLDED) if text.isascii() else "".join(map(_folded_char, text))


def stands_alone(key: str) -> bool:
    """Whether it is of a script that puts no space between words."""
    return re.match(f"[{LETTERS_ALONE}]", key) is not None


@lru_cache(maxsize=4096)
def _folded_char(char: str) -> str:
    base = unicodedata.normalize("NFKD", char)[0].lower().translate(_UNFOLDED)
    return base if len(base) == 1 else char
