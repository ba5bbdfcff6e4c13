"""The lab editor: an admin changes the statement and the rubric of a lab, which makes a new version of the rubric."""

from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from labs_schema.errors import Issue
from labs_schema.hashes import rubric_hash
from labs_schema.lab_editor import LabTexts, read_texts, save_texts
from labs_schema.limits import LabLimits
from serving.api.schemas.problems import ProblemError, too_large
from serving.api.service import Service
from serving.web.form_posts import PageRoute, read_form, text
from serving.web.rendering import redirect, render
from serving.web.review_state import review_state
from serving.web.visitors import AdminVisitor, course_service

router = APIRouter(route_class=PageRoute)
Name = Annotated[str, Query(max_length=500)]
_saving = Lock()


@router.get("/lab/edit")
async def edit(request: Request, caller: AdminVisitor, course: Name, lab: Name, saved: bool = False) -> Response:
    del caller
    context = await run_in_threadpool(_shown, request, course, lab)
    return render(request, "lab_editor.html", course=course, lab=lab, saved=saved, errors=(), theirs=None, **context)


@router.post("/lab/edit")
async def save(request: Request, caller: AdminVisitor) -> Response:
    """Faults and conflicts show the form again with the visitor's texts."""
    del caller
    form = await read_form(request)
    course, lab, statement, rubric, revision = (
        text(form, name) for name in ("course", "lab", "statement", "text-rubric", "revision")
    )
    for name, given, most in (
        ("statement", statement, LabLimits().statement_bytes),
        ("rubric", rubric, LabLimits().rubric_bytes),
    ):
        if len(given.encode("utf-8", "replace")) > most:
            raise too_large(name, f"{len(given)} characters", most)
    context, errors, theirs = await run_in_threadpool(_save, request, course, lab, (statement, rubric, revision))
    if not errors and theirs is None:
        return redirect(request, "/lab/edit", course=course, lab=lab, saved=True)
    status = 409 if theirs else 422
    return render(
        request, "lab_editor.html", status, course=course, lab=lab, saved=False, errors=errors, theirs=theirs, **context
    )


def _save(
    request: Request, course: str, lab: str, given: tuple[str, str, str]
) -> tuple[dict[str, Any], tuple[Issue, ...], LabTexts | None]:
    """The context of the form, the errors, and the texts that another person saved meanwhile."""
    (statement, rubric, revision), service = given, course_service(request, course)
    folder = _folder(service, lab)
    with _saving:
        now = _read(folder)
        mine = now.model_copy(update={"rubric": rubric, "statement": None if now.statement is None else statement})
        theirs = now if now.revision != revision else None
        errors = () if theirs else save_texts(folder, mine)
        if not errors and not theirs:
            service.course.labs.add(folder)
    return {**_shown(request, course, lab), "texts": mine, "revision": now.revision}, errors, theirs


def _shown(request: Request, course: str, lab: str) -> dict[str, Any]:
    """`earlier`: submissions graded by another version of the rubric than the current one."""
    service = course_service(request, course)
    texts, registered = _read(_folder(service, lab)), service.course.labs.get(lab)
    review = review_state(request).index.lab(service.course.name, lab)
    current = rubric_hash(registered) if registered else ""
    versions = {version: rubric_hash(each) for version, each in review.rubrics.items()}
    earlier = sum(versions.get(each.rubric) != current for each in review.items.values())
    return {"texts": texts, "revision": texts.revision, "earlier": earlier, "graded": len(review.items)}


def _folder(service: Service, lab: str) -> Path:
    folder = service.course.labs.folders.get(lab)
    if folder is None:
        raise ProblemError("unknown-lab", "No lab of this name is registered.")
    return folder


def _read(folder: Path) -> LabTexts:
    try:
        return read_texts(folder)
    except (OSError, UnicodeDecodeError):
        raise ProblemError("lab-unreadable", "The lab's statement or rubric cannot be read as UTF-8 text.") from None
