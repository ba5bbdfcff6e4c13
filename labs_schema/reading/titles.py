"""Validates criterion titles, rating titles and TA names, and names the TAs' own tables."""

from labs_schema.errors import IssueCollector, quoted
from labs_schema.limits import LabLimits
from labs_schema.tables.reader import TABLE_SUFFIXES

MAX_TITLE_CHARS = LabLimits().title_chars
TA = "ta"
"""The header of the TA column, case-insensitive."""
_PREFIX, _SUFFIX = "rubric_ratings.", ".csv"


def read_title(written: str, path: str, where: str, line: int | None, issues: IssueCollector) -> str:
    """The title with white space collapsed, so that titles in different files compare equal.

    Empty, with an error, if it is empty, too long or contains control characters.
    """
    title = " ".join(written.split())
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
    """Whether `name` is one line of 1 to 300 printable characters with single blanks between words."""
    return 0 < len(name) <= MAX_TITLE_CHARS and name.isprintable() and name == " ".join(name.split())


def read_rater(cell: str, path: str, line: int, issues: IssueCollector) -> str | None:
    """The TA's name in a cell, white space collapsed; None if it is empty or, with an error, invalid."""
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
