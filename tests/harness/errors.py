"""Expects an error by its code instead of its sentence."""

from typing import Any

import pytest

from labs_schema.errors import GraderError


def raises_code(code: str, match: str | None = None) -> Any:
    """A `pytest.raises` block for a GraderError with this `code`, whose text matches `match`: the names and numbers."""
    return pytest.raises(GraderError, match=match, check=lambda error: error.code == code)
