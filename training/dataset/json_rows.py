"""The rows of a JSON Lines file or of a JSON array, as other programs write them."""

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path

_DECODER = json.JSONDecoder()
_BETWEEN_ITEMS = re.compile(r"[\s,]*")


def json_rows(path: Path) -> Iterator[tuple[int, str]]:
    """(line, JSON text) of each row. A byte order mark and blank lines are skipped; `line` counts from 1.

    A file that starts with `[` is an array, whose items are the rows; JSON Lines are read one at a time. Text that is
    not JSON is a row too, which the caller's parser rejects.
    """
    with path.open("rb") as file:
        is_array = file.read(4096).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")
    if is_array:
        yield from _items(_decoded(path.read_bytes().removeprefix(codecs.BOM_UTF8)))
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            text = _decoded(line.removeprefix(codecs.BOM_UTF8 if number == 1 else b""))
            if text.strip():
                yield number, text


def _decoded(data: bytes) -> str:
    """The text, or one that is not JSON if `data` is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "[not UTF-8"


def _items(text: str) -> Iterator[tuple[int, str]]:
    position = text.index("[") + 1
    line, counted = 1, 0
    while (position := _BETWEEN_ITEMS.match(text, position).end()) < len(text):  # type: ignore[union-attr]
        line, counted = line + text.count("\n", counted, position), position
        if text[position] == "]" and not text[position + 1 :].strip():
            return
        try:
            end = _DECODER.raw_decode(text, position)[1]
        except (ValueError, RecursionError):
            end = len(text)
        yield line, text[position:end]
        position = end
