"""The courses of a service or worker, and the commands that register them."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from grader.service.engine import ModelOptions
from grader.service.local_store import cli_actor, local_store
from labs_schema.errors import GraderError, Issue
from serving.courses.checking import check_model
from serving.courses.course_registry import CourseRegistry, Registration
from serving.courses.lab_registry import LabRegistry, read_registry
from serving.courses.served import Courses, OneCourse, RegisteredCourses
from serving.model.folder import open_model
from serving.store.store import Store

ADAPTER_HINT = (
    "  an adapter: vLLM loads it onto its base on a GPU, and so do servers with --enable-lora; for CPUs run grader "
    "merge and add the result"
)


def default_course(labs: Path | None) -> str:
    return labs.absolute().name if labs else "course"


def served_courses(store: Store, options: ModelOptions, screen: Console) -> Courses:
    """The one course of a model, or all registered courses. Raises GraderError for options of both."""
    if options.model:
        name = options.course or default_course(options.labs)
        origin = "" if options.course else ", named after the folder; change it with --course"
        screen.print(f"course: {escape(name)}{origin}")
        return OneCourse(name, read_labs(options.labs, screen), options.labs)
    if options.labs or options.course:
        raise GraderError(
            "--labs and --course require --model. Without it the registered courses are served with their own labs: "
            "grader courses add cs101 --model runs/latest --labs labs",
            code="missing-option",
        )
    return RegisteredCourses(CourseRegistry(store.database))


def read_labs(folder: Path | None, screen: Console) -> LabRegistry:
    """The labs that can be served. Of the others it prints only the name and the error codes.

    The screen is the service's log, and an issue may name a student's folder.
    """
    registry, issues = (LabRegistry(), ()) if folder is None else read_registry(folder)
    for lab in dict.fromkeys(_lab_of(issue) for issue in issues):
        codes = ", ".join(sorted({issue.code for issue in issues if _lab_of(issue) == lab}))
        screen.print(f"[yellow]left out[/] {escape(lab)}: {codes}; details: grader check")
    for name, each in registry.items():
        if each.warnings:
            counts = ", ".join(f"{code} {count}" for code, count in each.warnings.items())
            screen.print(f"[yellow]warnings[/] {escape(name)}: {counts}; details: grader check")
    screen.print(f"labs: {escape(', '.join(registry)) or 'none; requests contain their own rubric'}")
    return registry


def add_course(course: str, model: Path, labs: Path | None) -> tuple[Registration, list[str]]:
    """Checks and registers a model; returns the registration, and hints on serving it.

    Symbolic links such as `latest` are resolved, so that a course has the model that was checked. Without `labs`, its
    folder stays the same. Raises ModelError for an unsuitable model, GraderError for a folder without a readable lab.
    """
    if not course:
        raise GraderError("A course needs a name, such as cs101.", code="no-course-name")
    if labs is not None and not read_registry(labs)[0]:
        raise GraderError(
            f"{labs} has no lab whose rubric can be read. For details run: grader check {labs}", code="no-readable-lab"
        )
    with Console(stderr=True).status("reading the model"):
        facts = check_model(model.resolve())
    with local_store() as store:
        registry = CourseRegistry(store.database)
        before = registry.registered().get(course)
        folder = str(labs.resolve()) if labs else (before.labs if before else None)
        added = registry.add(course, str(model.resolve()), folder, facts, actor=cli_actor())
    return added, [ADAPTER_HINT] if open_model(model, adapters=True).adapter else []


def registered_courses() -> list[Registration]:
    with local_store() as store:
        return list(CourseRegistry(store.database).registered().values())


def describe(registration: Registration) -> Iterator[str]:
    facts = registration.facts
    yield f"{registration.course}  {registration.model}"
    yield f"  base {facts.base_model}, licence {facts.licence or 'not stated'}, weights {facts.model_hash[:12]}"
    yield f"  {'calibrated' if facts.calibration_hash else 'not calibrated: all grades need human review'}"
    yield f"  labs {registration.labs or 'none: requests contain their own rubric; no jobs'}"
    yield f"  since {registration.at}"


def _lab_of(issue: Issue) -> str:
    return issue.path.split("/", 1)[0]
