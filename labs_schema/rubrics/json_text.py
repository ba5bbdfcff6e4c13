"""Reads JSON that people edit: comments and trailing commas are allowed."""

import json
import re
from typing import Any

from labs_schema.errors import quoted

_STRING = r'"(?:\\.|[^"\\])*+"?'
_COMMENTS = re.compile(rf"({_STRING})|//[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/)?", re.DOTALL)
_TRAILING_COMMAS = re.compile(rf"({_STRING})|,(?=\s*[\]}}])", re.DOTALL)


def parse_json(text: str) -> Any:
    """The document. Raises ValueError: json.JSONDecodeError with its place, or for a repeated key or NaN.

    Raises RecursionError for deep nesting.
    """
    try:
        return _strict(text)
    except json.JSONDecodeError:
        plain = _blanked(_TRAILING_COMMAS, _blanked(_COMMENTS, text))
        if plain == text:
            raise
        return _strict(plain)


def _strict(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    """`text` with spaces instead of what `pattern` finds outside strings: lines and columns stay the same."""
    return pattern.sub(lambda found: found[1] or re.sub(r"[^\n]", " ", found.group()), text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {quoted(twice)} twice in the same object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name}, which is not valid JSON")
