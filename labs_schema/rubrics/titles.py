"""Cleans and compares criterion titles, rating titles and TA names, and names the TAs' own tables."""

import html
import re
import unicodedata
from collections.abc import Iterable

from labs_schema.errors import IssueCollector, quoted
from labs_schema.homoglyphs import FOLD_HOMOGLYPHS
from labs_schema.limits import LabLimits
from labs_schema.tables.reader import TABLE_SUFFIXES

MAX_TITLE_CHARS = LabLimits().title_chars
TA = "ta"
"""The header of the TA column, case-insensitive."""
_PREFIX, _SUFFIX = "rubric_ratings.", ".csv"
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe0e\ufe0f")
_TYPOGRAPHY = str.maketrans("‘’‚‛´`ʼ′“”„‟«»″‐‑‒–—―−…", "''''''''\"\"\"\"\"\"\"-------.")  # noqa: RUF001


class Titles:
    """Titles that are found by others which look the same.

    Titles look the same if they differ only in case, spaces, invisible characters, typographic quotes and dashes,
    Unicode composition (NFC, NFD, full width), or in letters of another script (a Cyrillic for a Latin letter).
    """

    def __init__(self, titles: Iterable[str] = ()) -> None:
        self._by_key: dict[str, str] = {}
        for title in titles:
            self.add(title)

    def add(self, title: str) -> str:
        """The title that was added first among those that look the same; `title` itself if it is the first."""
        found = self.find(title)
        if found is None:
            self._by_key |= dict.fromkeys(title_keys(title), title)
        return found or title

    def find(self, title: str) -> str | None:
        return next((self._by_key[key] for key in title_keys(title) if key in self._by_key), None)


def title_keys(title: str) -> tuple[str, str]:
    """Two texts: equal for titles that are the same in lower case, and for those that look the same."""
    text = "".join(char for char in unicodedata.normalize("NFKC", title.translate(_TYPOGRAPHY)) if _visible(char))
    text = " ".join(text.split())
    return text.casefold(), text.translate(FOLD_HOMOGLYPHS).casefold().translate(FOLD_HOMOGLYPHS)


def _visible(char: str) -> bool:
    return unicodedata.category(char) != "Cf" and char not in _INVISIBLE


def clean_text(text: str) -> str:
    """`text` in NFC, with HTML entities as their characters. Cleaning it again changes nothing."""
    while _ENTITY.search(text) and (decoded := _ENTITY.sub(lambda found: html.unescape(found.group()), text)) != text:
        text = decoded
    return unicodedata.normalize("NFC", text)


def read_title(written: str, path: str, where: str, line: int | None, issues: IssueCollector) -> str:
    """The title in NFC, on one line, without invisible characters; otherwise as the teacher spelled it.

    Empty, with an error, if it is empty, too long or contains control characters.
    """
    title = " ".join("".join(char for char in clean_text(written) if unicodedata.category(char) != "Cf").split())
    if not title:
        issues.error("empty-title", path, line=line, found=f"an empty title in {where}")
        return ""
    if len(title) <= MAX_TITLE_CHARS and title.isprintable():
        return title
    issues.error(
        "bad-title",
        path,
        line=line,
        found=f"the title {quoted(title)} in {where}",
        expected=f"one line of at most {MAX_TITLE_CHARS} printable characters",
    )
    return ""


def rater_file(rater: str) -> str:
    """The name of a TA's own table: `rubric_ratings.alice.csv`."""
    return f"{_PREFIX}{rater}{_SUFFIX}"


def rater_of(name: str) -> str | None:
    """`alice` for `rubric_ratings.alice.csv` or `.xlsx`; None if `name` is not the table of a valid TA name."""
    stem, dot, ending = name.rpartition(".")
    if not (stem.startswith(_PREFIX) and dot + ending in TABLE_SUFFIXES):
        return None
    rater = stem.removeprefix(_PREFIX)
    return rater if is_rater(rater) and "/" not in rater else None


def is_rater(name: str) -> bool:
    """Whether `name` is one line of 1 to 500 printable characters with single spaces between words."""
    return 0 < len(name) <= MAX_TITLE_CHARS and name.isprintable() and name == " ".join(name.split())


def read_rater(cell: str, path: str, line: int, issues: IssueCollector) -> str | None:
    """The TA's name in a cell, whitespace collapsed; None if it is empty or, with an error, invalid."""
    name = " ".join(cell.split())
    if not name or is_rater(name):
        return name or None
    issues.error(
        "bad-ta",
        path,
        line=line,
        found=f"the TA name {quoted(name)}",
        expected=f"at most {MAX_TITLE_CHARS} printable characters, or an empty cell",
    )
    return None
