"""Importing an export of a course platform as a lab. For admins."""

from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import Path, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from labs_schema.errors import InputError, Issue
from labs_schema.frozen import Frozen
from labs_schema.imports.importer import ImportSource, import_lab
from labs_schema.imports.platforms import PLATFORMS
from labs_schema.imports.records import ImportReport
from serving.api.authorization import admin, api_router
from serving.api.routes.labs import find_lab
from serving.api.schemas.examples import IMPORTED, responses
from serving.api.schemas.problems import LIMITS, FieldProblem, ProblemError
from serving.api.service import CourseService, Service

router = api_router(admin, "labs")

NewLab = Annotated[
    str,
    Path(
        max_length=100, pattern=r"^[0-9A-Za-z_][0-9A-Za-z_.-]*$", description="The new lab's name.", examples=["lab07"]
    ),
]
PlatformName = Annotated[str, Query(pattern=f"^({'|'.join(PLATFORMS)})$", description="The platform.")]
Assignment = Annotated[str | None, Query(max_length=300, description="One of several assignments in the export.")]
Like = Annotated[
    str | None, Query(max_length=300, description="A registered lab whose statement, rubric and template are copied.")
]
DryRun = Annotated[bool, Query(description="Only report what would be imported.")]
ZIP_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Imported(Frozen):
    """`served` is false if the lab still lacks a problem statement or a rubric."""

    report: ImportReport = Field(description="Students and ratings in the export, and what was written.")
    issues: tuple[Issue, ...] = Field(description="What `grader check` reports about the lab.")
    served: bool = Field(description="Whether the lab can be graded now.")


@router.post(
    "/labs/{lab}/import",
    operation_id="import_lab",
    summary="Import an export of a course platform as a new lab",
    status_code=201,
    openapi_extra=ZIP_BODY,
    responses=responses(
        "What was imported.",
        IMPORTED,
        *("unknown-lab", "lab-exists", "export-unusable", "no-labs-folder", "too-large", "unsupported-media-type"),
        status=201,
    ),
)
async def import_export(
    lab: NewLab,
    request: Request,
    service: CourseService,
    platform: PlatformName,
    assignment: Assignment = None,
    like: Like = None,
    dry_run: DryRun = False,
) -> Imported:
    """Send the zip file as the platform exports it, with Content-Type: application/zip or application/octet-stream.

    A roster and the TAs' ratings are read if their CSV files are at the top of the zip file. An existing lab is never
    changed, so that a repeated request is refused.
    """
    folder = labs_folder(service)
    copied = None if like is None else service.course.labs.folders.get(find_lab(service.course.labs, like).name)
    with TemporaryDirectory(prefix="grader-import-") as temporary:
        upload = FilePath(temporary) / "export.zip"
        with upload.open("wb") as file:
            async for chunk in request.stream():
                await run_in_threadpool(file.write, chunk)
        source = ImportSource(platform, upload, lab=copied, assignment=assignment)
        async with request.app.state.import_lock:
            return await run_in_threadpool(_import, service, source, None if dry_run else folder / lab)


def labs_folder(service: Service) -> FilePath:
    """The folder of the course's labs. Raises ProblemError if it has none."""
    if service.course.folder is None:
        raise ProblemError("no-labs-folder", "The course has no folder of labs.")
    return service.course.folder


def _import(service: Service, source: ImportSource, out: FilePath | None) -> Imported:
    try:
        report, issues = import_lab(source, out)
    except InputError as error:
        first, *_ = error.issues
        if first.code == "output-exists":
            raise ProblemError("lab-exists", "A lab of this name exists.") from None
        found = [FieldProblem(field=e.path, found=e.found, expected=e.expected, hint=e.hint) for e in error.issues]
        raise ProblemError("export-unusable", f"{first.code}: {first.found}", found[: LIMITS.listed_errors]) from None
    return Imported(report=report, issues=issues, served=out is not None and service.course.labs.add(out))
