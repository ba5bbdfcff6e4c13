"""Marks as teachers write them: `2`, `1.5`, `1,5`, `-1`, `2 pts`."""

import math
import re

from labs_schema.errors import IssueCollector, quoted

MAX_MARKS = 1e6
_MARKS = re.compile(
    r"([-+\u2212]?)(\d{1,7})(?:[.,](\d+))?\s*(?:p(?:oin)?ts?\.?|points?|p\.?|marks?|punkte?|punt[io]|puntos?|pontos?)?",
    re.ASCII | re.IGNORECASE,
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2},\d{3}\b")


def read_marks(written: object, path: str, where: str, line: int | None, issues: IssueCollector) -> float | None:
    """The marks of a rating; None if there are none or, with an error, if they are not a number.

    Text may have a decimal comma and a unit. `1,000` is an error, as it may mean 1 or 1000.
    """
    marks = _number(written)
    if marks is None and written not in (None, ""):
        issues.error("bad-marks", path, line=line, found=f"marks {quoted(str(written))} in {where}")
    return marks


def _number(written: object) -> float | None:
    if isinstance(written, str):
        found = _MARKS.fullmatch(written.strip())
        if found is None or _THOUSANDS.match(written.strip().lstrip("+-\u2212")):
            return None
        sign = "-" if found[1] in ("-", "\u2212") else ""
        written = float(f"{sign}{found[2]}.{found[3] or 0}")
    if isinstance(written, bool) or not isinstance(written, int | float):
        return None
    if not abs(written) <= MAX_MARKS or not math.isfinite(written):
        return None
    return float(written) + 0.0  # -0.0 becomes 0.0
