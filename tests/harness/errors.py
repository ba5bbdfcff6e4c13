"""Expects an error by its code instead of its sentence."""

from typing import Any

import pytest

from labs_schema.errors import GraderError


def raises_code(code: str, match: str | None = None) -> Any:
    """A `pytest.raises` block for a GraderError with this `code`, or with an issue of it, whose text matches `match`:
    the names and numbers."""

    def has_code(error: GraderError) -> bool:
        return code in (error.code, *(issue.code for issue in getattr(error, "issues", ())))

    return pytest.raises(GraderError, match=match, check=has_code)
