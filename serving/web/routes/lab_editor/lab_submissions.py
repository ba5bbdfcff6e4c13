"""Adding submissions to a lab: an upload is reported first, and stored in the lab once the visitor confirms it."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from labs_schema.errors import InputError
from labs_schema.imports.filling import fill_lab, has_submissions
from labs_schema.imports.importer import ImportSource
from labs_schema.imports.platforms import PLATFORMS, recognized_at
from serving.api.routes.imports import labs_folder
from serving.api.schemas.problems import ProblemError
from serving.api.service import Service
from serving.courses.uploads import Upload, Uploads
from serving.web.form_posts import PageRoute, SentForm, text
from serving.web.rendering import render
from serving.web.routes.lab_editor.lab_texts import lab_folder
from serving.web.visitors import Name, admin, course_service

router = APIRouter(route_class=PageRoute, dependencies=[admin])
EXPORT, ROSTER, GRADES = "export.zip", "roster", "grades"
FIELDS = {"export": EXPORT, "roster": ROSTER, "grades": GRADES}
"""The file fields of the form, and the names of the stored files; tables retain the suffix of their format."""
_importing = Lock()
"""An import may take seconds of processor time, which grading needs too."""


@router.get("/lab/submissions")
def choose(request: Request, course: Name, lab: Name) -> Response:
    folder = lab_folder(course_service(request, course), lab)
    return _page(request, course, lab, full=has_submissions(folder))


@router.post("/lab/submissions")
def upload(request: Request, form: SentForm) -> Response:
    """The dry run: reports what would be stored."""
    given = {name: text(form, name) for name in ("course", "lab", "platform", "assignment")}
    files = {name: each for name in FIELDS if isinstance(each := form.get(name), UploadFile) and each.filename}
    if "export" not in files:
        raise ProblemError("invalid-request", "Choose the zip file with the submissions first.")
    return _page(request, given["course"], given["lab"], **_dry_run(request, given, files))


@router.post("/lab/submissions/confirm")
def confirm(request: Request, form: SentForm) -> Response:
    given = {name: text(form, name) for name in ("course", "lab", "platform", "assignment", "token")}
    return _page(request, given["course"], given["lab"], **_store(request, given))


def _page(request: Request, course: str, lab: str, **context: Any) -> Response:
    defaults = {"report": None, "issues": (), "errors": (), "stored": False, "full": False, "token": ""}
    shared = {"course": course, "lab": lab, "platforms": PLATFORMS, "platform": "", "assignment": ""}
    status = 422 if context.get("errors") else 200
    return render(request, "lab_submissions.html", status, **(defaults | shared | context))


def _dry_run(request: Request, given: Mapping[str, str], files: Mapping[str, UploadFile]) -> dict[str, Any]:
    service = course_service(request, given["course"])
    lab_folder(service, given["lab"])
    uploads = Uploads(labs_folder(service))
    if (added := uploads.add()) is None:
        raise ProblemError("too-many-uploads", "Too many uploads of the course wait for a confirmation.")
    for name, file in files.items():
        suffix = Path(file.filename or "").suffix.lower() if name != "export" else ""
        allowed = suffix if suffix in (".csv", ".tsv", ".xlsx", ".ods", ".zip") else ""
        with (added.folder / (FIELDS[name] + allowed)).open("xb") as target:
            shutil.copyfileobj(file.file, target)
    platform = given["platform"] or recognized_at(added.folder / EXPORT) or "folder"
    chosen = {**given, "platform": platform}
    found = _import(service, chosen, added, dry_run=True)
    if found.get("errors"):
        uploads.delete(added)
    return {**found, "platform": platform, "assignment": given["assignment"], "token": added.token}


def _store(request: Request, given: Mapping[str, str]) -> dict[str, Any]:
    service = course_service(request, given["course"])
    folder, uploads = lab_folder(service, given["lab"]), Uploads(labs_folder(service))
    waiting = uploads.find(given["token"])
    if waiting is None:
        raise ProblemError("upload-gone", "This upload was already stored, or was not confirmed in time.")
    found = _import(service, given, waiting, dry_run=False)
    uploads.delete(waiting)
    service.course.labs.add(folder)
    return {**found, "stored": not found.get("errors")}


def _import(service: Service, given: Mapping[str, str], upload: Upload, *, dry_run: bool) -> dict[str, Any]:
    def table(name: str) -> Path | None:
        return next(iter(sorted(upload.folder.glob(f"{name}*"))), None)

    grades = table(GRADES)
    source = ImportSource(
        given["platform"],
        upload.folder / EXPORT,
        roster=table(ROSTER),
        grades=(grades,) if grades else (),
        assignment=given["assignment"] or None,
    )
    try:
        with _importing:
            report, issues = fill_lab(source, lab_folder(service, given["lab"]), dry_run=dry_run)
    except InputError as error:
        return {"errors": error.issues}
    return {"report": report, "issues": issues}
