"""The form of a lab's texts, for a new lab and for one that is edited: fields, errors and an imported rubric."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import FormData, UploadFile

from labs_schema.errors import InputError, Issue
from labs_schema.imports.rubric_files import read_rubric_file
from labs_schema.limits import CheckLimits, LabLimits
from labs_schema.submissions.file_names import safe_name
from labs_schema.writing.lab_editor import LabTexts, read_texts
from labs_schema.writing.lab_writer import rubric_text
from serving.api.schemas.problems import ProblemError, too_large
from serving.api.service import Service
from serving.web.form_posts import text
from serving.web.rendering import render

FIELDS = {
    "statement": LabLimits().statement_bytes,
    "text-rubric": LabLimits().rubric_bytes,
    "text-checks": CheckLimits().checks_bytes,
}
"""The fields with their limits in bytes."""
UPLOADED = "rubric file"
"""The path of errors in an uploaded rubric."""
FAULTLESS = "No errors. Nothing is saved yet."
IMPORTED = "The rubric of the file is in the field below. It is not saved yet."
FORM: dict[str, Any] = {
    **dict.fromkeys(("lab", "name", "name_fault", "revision", "notice", "confirmed"), ""),
    **dict.fromkeys(("errors", "warnings"), ()),
    **{"new": False, "theirs": None, "effects": None, "earlier": 0, "graded": 0, "uploaded": UPLOADED},
}
"""The context of a form without a saved lab."""


def given_texts(form: FormData, saved: LabTexts) -> LabTexts:
    """The texts of the form. Raises ProblemError for one that is too large."""
    for name, most in FIELDS.items():
        if len(text(form, name).encode("utf-8", "replace")) > most:
            raise too_large(name, f"{len(text(form, name))} characters", most)
    statement, rubric, checks = (text(form, name) for name in FIELDS)
    changed = {"rubric": rubric, "checks": checks} | ({} if saved.statement is None else {"statement": statement})
    return saved.model_copy(update=changed)


def _with_imported_rubric(form: FormData, texts: LabTexts) -> tuple[LabTexts, tuple[Issue, ...]]:
    """The texts with the rubric of the uploaded file, or the errors in that file."""
    given = form.get("rubric-file")
    if not isinstance(given, UploadFile) or not given.filename:
        raise ProblemError("invalid-request", "Choose the file with the rubric first.")
    with TemporaryDirectory(prefix="grader-rubric-") as folder:
        path = Path(folder) / "uploaded"
        path.write_bytes(given.file.read())
        try:
            criteria = read_rubric_file(path, safe_name(given.filename or "rubric"))
        except InputError as error:
            return texts, tuple(each.model_copy(update={"path": UPLOADED}) for each in error.issues)
    return texts.model_copy(update={"rubric": rubric_text(criteria)}), ()


def render_form(request: Request, **context: Any) -> Response:
    """The form with what differs from `FORM`."""
    shown = FORM | context
    status = 409 if shown["theirs"] else 422 if shown["errors"] or shown["name_fault"] else 200
    return render(request, "lab_editor.html", status, **shown)


def render_imported(request: Request, form: FormData, texts: LabTexts, **context: Any) -> Response:
    """The form with the rubric of the uploaded file, which is not saved."""
    imported, errors = _with_imported_rubric(form, texts)
    return render_form(request, **context, texts=imported, errors=errors, notice="" if errors else IMPORTED)


def lab_folder(service: Service, lab: str) -> Path:
    folder = service.course.labs.folders.get(lab)
    if folder is None:
        raise ProblemError("unknown-lab", "No lab of this name is registered.")
    return folder


def saved_texts(folder: Path) -> LabTexts:
    try:
        return read_texts(folder)
    except (OSError, UnicodeDecodeError):
        raise ProblemError("lab-unreadable", "A text of the lab cannot be read as UTF-8 text.") from None
