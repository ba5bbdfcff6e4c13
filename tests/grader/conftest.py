"""The results of `grader regrade`."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def results_in() -> Callable[[Path], dict[str, str]]:
    """A folder of results -> its files' texts, without what they cost and the names that a store gives its grades."""

    def read(out: Path) -> dict[str, str]:
        texts = {path.name: path.read_text() for path in out.iterdir() if path.name != "cost.json"}
        return {name: re.sub('"grade_id":"[0-9a-f]+"', "", text) for name, text in texts.items()}

    return read
