"""Which courses a service or a worker has: the one of its model, or all that are registered."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from labs_schema.errors import GraderError, Issue
from serving.courses.course_registry import CourseRegistry
from serving.courses.lab_registry import LabRegistry, read_registry
from serving.courses.served import Courses, OneCourse, RegisteredCourses
from serving.store.store import Store


def course_of(labs: Path | None) -> str:
    return labs.absolute().name if labs else "course"


def served_courses(store: Store, model: str | None, labs: Path | None, course: str | None, screen: Console) -> Courses:
    """With a model its one course, else those that are registered. Raises GraderError where both are meant."""
    if model:
        name = course or course_of(labs)
        screen.print(f"course: {escape(name)}{'' if course else ', by the folder; --course gives it another name'}")
        return OneCourse(name, registered_labs(labs, screen), labs)
    if labs or course:
        raise GraderError(
            "--labs and --course go with --model. Without it the registered courses are served with their own labs: "
            "grader courses add cs101 --model runs/latest --labs labs"
        )
    return RegisteredCourses(CourseRegistry(store.database))


def registered_labs(folder: Path | None, screen: Console) -> LabRegistry:
    """The labs that can be served. Of the others only the name and the kinds of issue are told: stderr is the
    service's log, and a issue names a student's folder."""
    registry, issues = (LabRegistry(), ()) if folder is None else read_registry(folder)
    for lab in dict.fromkeys(_lab_of(issue) for issue in issues):
        codes = ", ".join(sorted({issue.code for issue in issues if _lab_of(issue) == lab}))
        screen.print(f"[yellow]left out[/] {escape(lab)}: {codes}; grader check tells more")
    screen.print(f"labs: {escape(', '.join(registry)) or 'none; requests bring their own rubric'}")
    return registry


def _lab_of(issue: Issue) -> str:
    return issue.path.split("/", 1)[0]
