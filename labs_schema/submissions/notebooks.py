"""Reads Jupyter notebooks as programs: the code cells, each after a comment with its number.

`# %% cell 3` counts all cells from the top, so that evidence can refer to a cell. Outputs are not read. Text cells
(Markdown) are left out unless the rubric asks about text; then they are comments.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from labs_schema.models import Criterion
from labs_schema.source.languages import canonical_name

NOTEBOOK = ".ipynb"
_LINE_COMMENTS = {"Haskell": "--", "SQL": "--"} | dict.fromkeys(
    ("C", "C++", "C#", "Go", "Java", "JavaScript", "Kotlin", "PHP", "Rust", "Scala", "Swift", "TypeScript"), "//"
)
_ASKS_ABOUT_TEXT = re.compile(
    r"\b(?:markdown|text cells?|explain\w*|explanations?|discuss\w*|interpret\w*|justif\w*|conclusions?|reflect\w*"
    r"|written answers?|in (?:your|their) own words)\b",
    re.IGNORECASE,
)


class Notebook(NamedTuple):
    """`language` is that of the kernel."""

    text: str
    language: str


def asks_about_text(criteria: Iterable[Criterion]) -> bool:
    """Whether a title or description of the rubric asks for explanations and the like."""
    texts = (
        text
        for criterion in criteria
        for text in (criterion.title, criterion.description, *(rating.description for rating in criterion.ratings))
    )
    return any(map(_ASKS_ABOUT_TEXT.search, texts))


def read_notebook(data: bytes, *, text_cells: bool) -> Notebook | None:
    """The program in a notebook of format 3 or later; None if it is invalid."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return None
    cells = _cells(content)
    if cells is None:
        return None
    language = _language(content, cells)
    mark = _LINE_COMMENTS.get(language, "#")
    return Notebook("\n".join(_texts(cells, mark, text_cells)), language)


def _cells(content: Any) -> list[dict[str, Any]] | None:
    """The cells of all worksheets (format 3) or of the notebook; None if there are none."""
    if not isinstance(content, dict):
        return None
    sheets = content.get("worksheets", [content])
    found = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
    lists = [cells for cells in found if isinstance(cells, list)]
    return [cell for cells in lists for cell in cells if isinstance(cell, dict)] if lists else None


def _language(content: dict[str, Any], cells: list[dict[str, Any]]) -> str:
    metadata = content.get("metadata")
    parts = [metadata.get(name) for name in ("language_info", "kernelspec")] if isinstance(metadata, dict) else []
    named = [part.get(key) for part in parts if isinstance(part, dict) for key in ("name", "language")]
    named += [cell.get("language") for cell in cells[:1]]
    return next((found for name in named if isinstance(name, str) and (found := canonical_name(name))), "Python")


def _texts(cells: list[dict[str, Any]], mark: str, text_cells: bool) -> Iterator[str]:
    for number, cell in enumerate(cells, 1):
        source = _source(cell)
        if cell.get("cell_type") == "code":
            yield f"{mark} %% cell {number}\n{source}\n"
        elif text_cells and source.strip():
            lines = "".join(f"{mark} {line}".rstrip() + "\n" for line in source.splitlines())
            yield f"{mark} %% cell {number} (text)\n{lines}"


def _source(cell: dict[str, Any]) -> str:
    """Format 3 calls the text of a code cell `input`."""
    source = cell.get("source", cell.get("input", ""))
    parts = source if isinstance(source, list) else [source]
    text = "".join(part for part in parts if isinstance(part, str))
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").encode(errors="replace").decode()
