"""What the title of a criterion or rating may be. Knows no file format."""

from labs_schema.errors import IssueCollector, quoted

LONGEST = 300


def read_title(written: str, path: str, where: str, line: int | None, issues: IssueCollector) -> str:
    """The title with every run of white space as one blank, so that both files' titles compare.

    "" and an error where it is empty, too long or has control characters.
    """
    title = " ".join(written.split())
    if not title:
        issues.error(
            "empty-title",
            path,
            line=line,
            found=f"an empty title in {where}",
            expected="a title",
            hint="Give it the title that stands in the other file.",
        )
        return ""
    if len(title) <= LONGEST and title.isprintable():
        return title
    issues.error(
        "bad-title",
        path,
        line=line,
        found=f"the title {quoted(title)} in {where}",
        expected=f"one line of at most {LONGEST} printable characters",
        hint="Shorten it, or take the control character out; details belong into the description.",
    )
    return ""


_BEFORE, _AFTER, LONGEST = "rubric_ratings.", ".csv", 300
TA = "ta"


def rater_file(rater: str) -> str:
    return f"{_BEFORE}{rater}{_AFTER}"


def rater_of(name: str) -> str | None:
    """`alice` of `rubric_ratings.alice.csv`; None where the file is no rater's, or its rater no `is_rater`."""
    if not (name.startswith(_BEFORE) and name.endswith(_AFTER)):
        return None
    rater = name[len(_BEFORE) : -len(_AFTER)]
    return rater if is_rater(rater) and "/" not in rater else None


def is_rater(name: str) -> bool:
    """Whether it is one line of 1 to 300 printable characters, with single blanks between its words only."""
    return 0 < len(name) <= LONGEST and name.isprintable() and name == " ".join(name.split())


def read_rater(cell: str, path: str, line: int, issues: IssueCollector) -> str | None:
    """The TA a cell names, runs of white space as one blank; None where it is empty or, with an error, bad."""
    name = " ".join(cell.split())
    if not name or is_rater(name):
        return name or None
    issues.error(
        "bad-ta",
        path,
        line=line,
        found=f"the TA {quoted(name)}",
        expected=f"a name of at most {LONGEST} printable characters, or nothing",
        hint="Write the TA's name or initials, always in the same way.",
    )
    return None
