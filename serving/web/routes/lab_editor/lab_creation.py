"""Creating a lab: statement, rubric and checks, empty or copied from another lab of the course."""

from pathlib import Path

from fastapi import APIRouter, Request, Response

from labs_schema.errors import Issue
from labs_schema.writing.lab_editor import LAB_NAME, LabTexts, check_texts, create_lab
from serving.api.routes.imports import labs_folder
from serving.api.service import Service
from serving.web.form_posts import PageRoute, SentForm, text
from serving.web.rendering import redirect
from serving.web.routes.lab_editor.lab_texts import (
    FAULTLESS,
    given_texts,
    lab_folder,
    render_form,
    render_imported,
    saved_texts,
)
from serving.web.visitors import Name, admin, course_service

router = APIRouter(route_class=PageRoute, dependencies=[admin])


@router.get("/lab/new")
def new_lab(request: Request, course: Name, like: Name = "") -> Response:
    service, _ = _labs(request, course)
    copied = saved_texts(lab_folder(service, like)) if like else LabTexts()
    texts = LabTexts(statement=copied.statement or "", rubric=copied.rubric, checks=copied.checks)
    return render_form(request, new=True, course=course, texts=texts)


@router.post("/lab/new")
def create(request: Request, form: SentForm) -> Response:
    """Faults show the form again with the visitor's texts."""
    course, name, act = (text(form, each) for each in ("course", "name", "act"))
    texts = given_texts(form, LabTexts())
    if act == "import":
        _labs(request, course)
        return render_imported(request, form, texts, new=True, course=course, name=name)
    errors, wrong = _create(request, course, name.strip(), texts, act == "check")
    if errors or wrong or act == "check":
        faults = {"errors": errors, "name_fault": wrong, "notice": "" if errors or wrong else FAULTLESS}
        return render_form(request, new=True, course=course, texts=texts, name=name, **faults)
    return redirect(request, "/lab/submissions", course=course, lab=name.strip())


def _labs(request: Request, course: str) -> tuple[Service, Path]:
    service = course_service(request, course)
    return service, labs_folder(service)


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
