"""Creating a lab: statement, rubric and checks, empty or copied from another lab of the course."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from labs_schema.errors import Issue
from labs_schema.writing.lab_editor import LAB_NAME, LabTexts, check_texts, create_lab
from serving.api.schemas.problems import ProblemError
from serving.api.service import Service
from serving.web.form_posts import PageRoute, SentForm, text
from serving.web.rendering import redirect
from serving.web.routes.lab_editor.lab_editor import FAULTLESS, IMPORTED
from serving.web.routes.lab_editor.lab_texts import (
    given_texts,
    lab_folder,
    render_form,
    saved_texts,
    with_imported_rubric,
)
from serving.web.visitors import Name, admin, course_service

router = APIRouter(route_class=PageRoute, dependencies=[admin])


@router.get("/lab/new")
def new_lab(request: Request, course: Name, like: Name = "") -> Response:
    service, _ = _labs(request, course)
    copied = saved_texts(lab_folder(service, like)) if like else LabTexts()
    texts = LabTexts(statement=copied.statement or "", rubric=copied.rubric, checks=copied.checks)
    return _form(request, course, texts)


@router.post("/lab/new")
def create(request: Request, form: SentForm) -> Response:
    """Faults show the form again with the visitor's texts."""
    course, name, act = (text(form, each) for each in ("course", "name", "act"))
    texts = given_texts(form, LabTexts())
    if act == "import":
        _labs(request, course)
        texts, errors = with_imported_rubric(form, texts)
        notice = "" if errors else IMPORTED
        return _form(request, course, texts, 422 if errors else 200, name=name, errors=errors, notice=notice)
    errors, wrong = _create(request, course, name.strip(), texts, act == "check")
    if errors or wrong or act == "check":
        notice = FAULTLESS if not errors and not wrong else ""
        status = 422 if errors or wrong else 200
        return _form(request, course, texts, status, name=name, errors=errors, name_fault=wrong, notice=notice)
    return redirect(request, "/lab/submissions", course=course, lab=name.strip())


def _form(request: Request, course: str, texts: LabTexts, status: int = 200, **context: Any) -> Response:
    shared = {"course": course, "lab": "", "texts": texts, "revision": "", "earlier": 0, "graded": 0}
    return render_form(request, status, **({"name_fault": "", "new": True} | shared | context))


def _labs(request: Request, course: str) -> tuple[Service, Path]:
    service = course_service(request, course)
    if service.course.folder is None:
        raise ProblemError("no-labs-folder", "The course has no folder of labs.")
    return service, service.course.folder


def _create(request: Request, course: str, name: str, texts: LabTexts, dry: bool) -> tuple[tuple[Issue, ...], str]:
    """The faults of the texts, and that of the name."""
    service, labs = _labs(request, course)
    fits = LAB_NAME.fullmatch(name) is not None
    wrong = "" if fits else "Expected letters, digits, points, hyphens and underscores, at most 100."
    folder = labs / (name if fits else "lab")
    if fits and folder.exists():
        wrong = "A lab or folder of this name exists."
    if dry or wrong:
        return check_texts(texts, labs / ".grader-new").errors, wrong
    try:
        errors = create_lab(folder, texts)
    except FileExistsError:
        return (), "A lab or folder of this name exists."
    if not errors:
        service.course.labs.add(folder)
    return errors, ""
