"""What the title of a criterion or rating may be. Knows no file format."""

from labs_schema.collector import FaultCollector, excerpt

LONGEST = 300


def read_title(written: str, path: str, where: str, line: int | None, faults: FaultCollector) -> str:
    """The title with every run of white space as one blank, so that both files' titles compare.

    "" and an error where it is empty, too long or has control characters.
    """
    title = " ".join(written.split())
    if not title:
        faults.error(
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
    faults.error(
        "bad-title",
        path,
        line=line,
        found=f"the title {excerpt(title)} in {where}",
        expected=f"one line of at most {LONGEST} printable characters",
        hint="Shorten it, or take the control character out; details belong into the description.",
    )
    return ""
