"""The 75 real submissions in tests/recorded/cpack, as a lab with the ratings of its tests."""

import zipfile
from pathlib import Path

from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab

ARCHIVE = Path(__file__).parents[2] / "recorded" / "cpack" / "calculator.zip"


def real_lab(folder: Path, submissions: int = 75) -> Lab:
    """The first `submissions` of them. `folder`: a new one for its files."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder / "calculator")
    lab = load_lab(folder / "calculator")
    return lab.model_copy(update={"submissions": lab.submissions[:submissions]})
