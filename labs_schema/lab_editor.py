"""Changes the statement and the rubric of a lab folder, if the lab is valid with them."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from labs_schema.errors import Issue, Severity
from labs_schema.frozen import Frozen
from labs_schema.reading.lab_folders import STATEMENTS
from labs_schema.reading.validate import read_lab, read_rubric
from labs_schema.rubrics.rubric_json import RUBRIC


class LabTexts(Frozen):
    """`statement_file`: the file of the statement. `statement` is None if it is no plain text and cannot be edited."""

    statement_file: str
    statement: str | None
    rubric: str

    @property
    def revision(self) -> str:
        """Another one if a text was changed."""
        return hashlib.sha256(f"{self.statement}\0{self.rubric}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_texts(folder: Path) -> LabTexts:
    """Raises OSError or UnicodeDecodeError for a file that cannot be read as text."""
    found = next((name for name in STATEMENTS if (folder / name).is_file()), STATEMENTS[0])
    editable = not found.endswith(".docx")
    path = folder / found
    statement = (path.read_text(encoding="utf-8") if path.is_file() else "") if editable else None
    return LabTexts(statement_file=found, statement=statement, rubric=(folder / RUBRIC).read_text(encoding="utf-8"))


def save_texts(folder: Path, texts: LabTexts) -> tuple[Issue, ...]:
    """Saves both texts if the lab has no error with them, each file as a whole; returns the errors.

    The lab is checked with its tables, whose columns are named after the rubric, in a copy without submissions.
    """
    files = {RUBRIC: texts.rubric}
    if texts.statement is not None:
        files[texts.statement_file] = texts.statement
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".editing-") as temporary:
        draft = Path(temporary) / folder.name
        draft.mkdir()
        for path in folder.iterdir():
            if path.is_file() and not path.is_symlink() and path.name not in files:
                shutil.copyfile(path, draft / path.name)
        for name, text in files.items():
            _write(draft / name, text)
        issues = [*read_rubric(draft).issues, *read_lab(draft).issues]
        errors = tuple(dict.fromkeys(issue for issue in issues if _is_about_the_texts(issue, files)))
        if not errors:
            for name in files:
                (draft / name).replace(folder / name)
    return errors


def _is_about_the_texts(issue: Issue, files: dict[str, str]) -> bool:
    """Errors of the edited files, and of tables that do not fit them; the copy has no submissions to complain about."""
    name = issue.path.rpartition("/")[2]
    return issue.severity is Severity.ERROR and (
        name in files or Path(name).suffix in (".csv", ".tsv", ".xlsx", ".ods")
    )


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
