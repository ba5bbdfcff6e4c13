"""Creates a lab folder, or changes the statement, rubric and checks of one, if the lab is valid with them."""

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from labs_schema.checks.reading import read_checks, report_unknown_checks
from labs_schema.errors import Issue, IssueCollector, Severity
from labs_schema.files.edits import commit_edit, create_folder, draft_folder, finish_edit
from labs_schema.frozen import Frozen
from labs_schema.models import Criterion
from labs_schema.reading.lab_folders import CHECK_FILES, CHECKS, STATEMENTS
from labs_schema.reading.validate import read_lab, read_rubric
from labs_schema.rubrics.rubric_json import RUBRIC, parse_rubric

LAB_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,99}")
"""The names of labs that are created over HTTP."""


class LabTexts(Frozen):
    """`statement_file`: the file of the statement. `statement` is None if it is not plain text and cannot be edited.

    `checks` is the text of `checks.yaml`, empty without the file.
    """

    statement_file: str = STATEMENTS[0]
    statement: str | None = ""
    rubric: str = ""
    checks: str = ""

    @property
    def revision(self) -> str:
        """Another one if a text was changed."""
        texts = f"{self.statement}\0{self.rubric}\0{self.checks}"
        return hashlib.sha256(texts.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def files(self, before: "LabTexts | None" = None) -> dict[str, str]:
        """File name -> text. A blank text has a file only if `before` has one, whose content it replaces."""
        texts = {RUBRIC: self.rubric, CHECKS: self.checks}
        if self.statement is not None:
            texts[self.statement_file] = self.statement
        earlier = before.files() if before else {}
        return {name: text for name, text in texts.items() if text.strip() or earlier.get(name)}


class Checked(NamedTuple):
    """`errors` make the texts unusable, `warnings` do not. `criteria`: those of the rubric, None if it is unusable."""

    errors: tuple[Issue, ...]
    warnings: tuple[Issue, ...]
    criteria: tuple[Criterion, ...] | None


def read_texts(folder: Path) -> LabTexts:
    """Raises OSError or UnicodeDecodeError for a file that cannot be read as text."""
    finish_edit(folder)
    found = next((name for name in STATEMENTS if (folder / name).is_file()), STATEMENTS[0])
    statement = None if found.endswith(".docx") else _text(folder / found)
    rubric, checks = (_text(folder / name) for name in (RUBRIC, CHECKS))
    return LabTexts(statement_file=found, statement=statement, rubric=rubric, checks=checks)


def check_texts(texts: LabTexts, folder: Path) -> Checked:
    """Every fault of the lab with these texts; nothing is saved. `folder`: the lab, which need not exist yet.

    The lab is checked with its tables, whose columns are named after the rubric, in a copy without submissions.
    """
    before = read_texts(folder) if folder.is_dir() else None
    files = texts.files(before)
    with draft_folder(folder) as draft:
        lab = draft / folder.name
        lab.mkdir()
        if before is not None:
            _copy_rest(folder, lab, files)
        _write(files, lab)
        return _checked(lab, texts)


def save_texts(folder: Path, texts: LabTexts) -> tuple[Issue, ...]:
    """Saves all texts together if the lab has no error with them; returns the errors. Raises OSError.

    Call it with the lab's `edit_lock`.
    """
    checked, before = check_texts(texts, folder), read_texts(folder)
    changed = {name: text for name, text in texts.files(before).items() if before.files().get(name) != text}
    if changed and not checked.errors:
        with draft_folder(folder) as draft:
            _write(changed, draft)
            commit_edit(folder, draft)
    return checked.errors


def create_lab(folder: Path, texts: LabTexts) -> tuple[Issue, ...]:
    """Creates the lab if it has no error; returns the errors. Raises FileExistsError, OSError."""
    if os.path.lexists(folder):
        raise FileExistsError(str(folder))
    checked = check_texts(texts, folder)
    if not checked.errors:
        with draft_folder(folder) as draft:
            _write(texts.files(), draft)
            create_folder(folder, draft)
    return checked.errors


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _copy_rest(folder: Path, draft: Path, written: Mapping[str, str]) -> None:
    """The lab's other files, which the texts have to fit."""
    for path in folder.iterdir():
        if path.is_symlink() or path.name in written or path.name == CHECKS:
            continue
        if path.is_file():
            shutil.copyfile(path, draft / path.name)
        elif path.name in CHECK_FILES:
            shutil.copytree(path, draft / path.name, symlinks=True, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copyfile(source, target, follow_symlinks=False)


def _checked(lab: Path, texts: LabTexts) -> Checked:
    collector = IssueCollector(lab.name)
    criteria = parse_rubric(texts.rubric, collector.empty_copy())
    checks = read_checks(lab, collector)
    if checks and criteria:
        report_unknown_checks(criteria, checks, collector)
    found = dict.fromkeys((*read_rubric(lab).issues, *read_lab(lab).issues, *collector.issues()))
    about = [each for each in found if _is_about(each, {RUBRIC, CHECKS, STATEMENTS[0], texts.statement_file})]
    errors = tuple(each for each in about if each.severity is Severity.ERROR)
    return Checked(errors, tuple(each for each in about if each not in errors), None if errors else criteria)


def _is_about(issue: Issue, edited: set[str]) -> bool:
    """Issues of the edited files, and errors of tables and tests that do not fit them; the copy has no submissions."""
    path = Path(issue.path)
    if path.name in edited:
        return True
    dependent = path.suffix in (".csv", ".tsv", ".xlsx", ".ods") or not {*path.parts}.isdisjoint(CHECK_FILES)
    return issue.severity is Severity.ERROR and dependent


def _write(files: Mapping[str, str], folder: Path) -> None:
    for name, text in files.items():
        with (folder / name).open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
