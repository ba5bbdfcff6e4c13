"""The meanings of a student's cell in a ratings table, in the notations of spreadsheets and of six languages."""

# ruff: noqa: RUF001
import re
import unicodedata
from enum import Enum

from labs_schema.reading.ratings.table_words import MISSING_VALUES, NO, STATUS, YES


class Kind(Enum):
    """`UNCLEAR` and `STATUS` are never a rating: a formula error, `?`, a number, a date; `absent`, `late`, `copied`."""

    GIVEN = "given"
    NOT_GIVEN = "not given"
    UNCLEAR = "unclear"
    STATUS = "status"
    COMMENT = "comment"


_TICKS, _CROSSES = frozenset("✓✔☑✅🗸√"), frozenset("✗✘❌✖☐□⬜❎")
_DASHES = frozenset("-‐‑‒–—―−⁃﹘﹣－_~")
_DETAILS = re.compile(r"(?<=\w)(?:\s*\(.*\)| [-–—] .*|[.!?]+)$")
"""Details after a note: `(ill)`, ` - see s3`, `!`."""
_NUMBER = re.compile(r"[-+]?(\d+)(?:[.,](\d+))?", re.ASCII)
_FORMULA_ERROR = re.compile(r"#[^\s]{1,20}[!?]|#n/?[advn]|#+|#(?:error|getting_data)|err:\d+")
_DATE_WORD = re.compile(r"\d{1,4}[-./ ][a-zà-ÿ]{3,4}\.?(?:[-./ ]\d{2,4})?|[a-zà-ÿ]{3,4}[-./]\d{2,4}")


def kind_of(cell: str) -> Kind:
    """The meaning of a cell without its table. Only ticks, 1 and yes are a rating; words are a comment on one."""
    text = _plain(cell)
    if value := number(cell):
        return {"1": Kind.GIVEN, "0": Kind.NOT_GIVEN}.get(value, Kind.UNCLEAR)
    if text in YES or (text and set(text) <= _TICKS):
        return Kind.GIVEN
    if text in NO or (text and (set(text) <= _DASHES or set(text) <= _CROSSES)):
        return Kind.NOT_GIVEN
    if text in MISSING_VALUES or _FORMULA_ERROR.fullmatch(text) or _DATE_WORD.fullmatch(text):
        return Kind.UNCLEAR
    if len(text) == 1 or not any(char.isalpha() for char in text):
        return Kind.UNCLEAR
    return Kind.STATUS if STATUS.fullmatch(_DETAILS.sub("", text)) else Kind.COMMENT


def is_tick(cell: str) -> bool:
    return bool(text := _plain(cell)) and set(text) <= _TICKS


def is_x(cell: str) -> bool:
    return _plain(cell) == "x"


def number(cell: str) -> str | None:
    """A number without insignificant zeros and with a decimal point: `1` for `1,00`; None if it is not one."""
    found = _NUMBER.fullmatch(_plain(cell).replace("−", "-"))
    if found is None:
        return None
    whole, fraction = found[1].lstrip("0") or "0", (found[2] or "").rstrip("0")
    sign = "-" if found.group().startswith("-") and (whole, fraction) != ("0", "") else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _plain(cell: str) -> str:
    text = unicodedata.normalize("NFKC", cell).casefold()
    return "".join(char for char in text if unicodedata.category(char) not in ("Cf", "Mn") or char.isalpha()).strip()
