"""Homoglyphs, bidi controls and invisible characters.

Boucher and Anderson, "Trojan Source: Invisible Vulnerabilities" (2021). Unicode's tag block and variation selectors can
encode a message that no editor shows.
"""

# ruff: noqa: RUF001
import re
import unicodedata

from labs_schema.homoglyphs import FOLD_HOMOGLYPHS

_BIDI = "\u202a-\u202e\u2066-\u2069"
_MARKS = "\u200e\u200f\u061c"
_UNSEEN = "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS = "\U000e0000-\U000e007f"

DIRECTION = re.compile(f"[{_BIDI}]|[{_MARKS}](?=[ -~])")
INVISIBLE = re.compile(
    rf"(?<=\w)[{_UNSEEN}]++(?=[!-~])|[\u200b-\u200d\u2060-\u2064]{{3,}}+|[{_TAGS}]|[{_SELECTORS}]{{3,}}+"
    r"|[\U000e0100-\U000e01ef]"
)
"""Invisible characters between letters, several in a row, or from the two blocks that can encode messages. A single one
in an emoji, in Persian text or at the start of a file is normal."""

_CONTROL = re.compile(f"[{_BIDI}{_MARKS}{_UNSEEN}{_SELECTORS}{_TAGS}]")
_BREAKS = re.compile("[\u2028\u2029\x85\x0b\x0c]")

_STRICT = frozenset("аеорсухіјѕһӏАВЕКМНОРСТХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧονιυ")
_MIXED = re.compile(r"[^\W\d_]{3,}")


def without_controls(text: str) -> str:
    """`text` without bidi controls and invisible characters, with the same line numbers: unusual line separators become
    spaces."""
    return text if text.isascii() and not _BREAKS.search(text) else _BREAKS.sub(" ", _CONTROL.sub("", text))


def folded(word: str) -> str:
    """`word` in plain Latin letters: without accents, homoglyphs, full-width and mathematical letters."""
    if word.isascii():
        return word
    plain = unicodedata.normalize("NFKD", word).translate(FOLD_HOMOGLYPHS)
    return "".join(char for char in plain if not unicodedata.combining(char))


def homoglyph_words(text: str) -> list[re.Match[str]]:
    """Words that mix Latin letters with homoglyphs of another script, or that consist of mathematical or full-width
    letters."""
    return [] if text.isascii() else [match for match in _MIXED.finditer(text) if _mixed(match.group())]


def _mixed(word: str) -> bool:
    if word.isascii():
        return False
    styled = sum(_styled(char) for char in word)
    strange = styled + sum(char in _STRICT for char in word)
    return styled >= 3 or (strange > 0 and any(map(str.isascii, word)) and folded(word).isascii())


def _styled(char: str) -> bool:
    """Whether `char` is a mathematical, full-width or enclosed form of an ASCII letter."""
    return char > "\u2000" and (plain := unicodedata.normalize("NFKC", char)) != char and plain.isascii()
