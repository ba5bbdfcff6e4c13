"""The parts of request bodies: texts, names and lists within their limits.

A hostile request costs little: fields and items are counted before any is parsed, and a list is parsed up to its first
wrong item.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from labs_schema.frozen import Frozen
from labs_schema.limits import RequestLimits
from labs_schema.submissions.file_names import safe_member_path

LIMITS = RequestLimits()
ID_PATTERN = "^[0-9A-Za-z_-]+$"
"""The id of a job or a grade. PostgreSQL raises an error for a query with a NUL character."""
NOT_UNICODE = re.compile("[\0\ud800-\udfff]")


def check_unicode(text: str) -> str:
    if NOT_UNICODE.search(text):
        raise ValueError("Unicode text without NUL and lone surrogates")
    return text


def _check_path(name: str) -> str:
    """The path as in an archive: without `./`, with `/`, and without a browser's `C:\\fakepath\\`."""
    path = safe_member_path(name)
    if path is None:
        raise ValueError("a relative path such as src/main.c, without .. and drive letters")
    return path


def _check_printable(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise ValueError("printable text on one line, without surrounding spaces")
    return name


def at_most(limit: int) -> Callable[[Any], Any]:
    """Rejects a longer list before its items are parsed; pydantic's own max_length parses them first."""

    def counted(items: Any) -> Any:
        if isinstance(items, list) and len(items) > limit:
            raise ValueError(f"a list of at most {limit}")
        return items

    return counted


Text = Annotated[str, AfterValidator(check_unicode)]
Description = Annotated[str, Field(max_length=LIMITS.description_chars), AfterValidator(check_unicode)]
Title = Annotated[str, Field(min_length=1, max_length=LIMITS.title_chars), AfterValidator(check_unicode)]
Student = Annotated[str, Field(min_length=1, max_length=LIMITS.name_chars), AfterValidator(_check_printable)]
Filename = Annotated[str, Field(min_length=1, max_length=LIMITS.name_chars), AfterValidator(_check_path)]


class RequestPart(Frozen):
    """An object in a request. Its fields are counted before they are parsed."""

    @model_validator(mode="before")
    @classmethod
    def count_fields(cls, given: Any) -> Any:
        if isinstance(given, dict) and len(given) > LIMITS.object_fields:
            raise ValueError(f"an object of at most {LIMITS.object_fields} fields, not {len(given)}")
        return given


def check_distinct(what: str, names: Iterable[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"distinct values of {what}; {repeated[0][:60]!r} is repeated")
