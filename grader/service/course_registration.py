"""Registers a course's model at the terminal: checked first, then entered into the store."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from grader.service.local_store import at_terminal, local_store
from labs_schema.errors import GraderError
from serving.courses.checking import check_model
from serving.courses.course_registry import CourseRegistry
from serving.courses.lab_registry import read_registry
from serving.courses.registration import Registration
from serving.model.folder import open_model

NEEDS_LORA = (
    "  an adapter: vLLM puts it on its base on a GPU, and so do servers with --enable-lora; for CPUs, grader merge it "
    "and add it again"
)


def add_course(course: str, model: Path, labs: Path | None) -> list[str]:
    """What was registered, in lines. Links such as `latest` are followed: a course keeps the model that was checked.
    Without `labs` it keeps the folder that it had.

    Raises ModelError for a model that cannot be a course's, GraderError for a folder without a lab that can be read.
    """
    if not course:
        raise GraderError("A course needs a name, such as cs101.")
    if labs is not None and not read_registry(labs)[0]:
        raise GraderError(f"{labs} holds no lab whose rubric can be read. grader check {labs} says why.")
    with Console(stderr=True).status("reading the model"):
        facts = check_model(model.resolve())
    with local_store() as store:
        book = CourseRegistry(store.database)
        before = book.registered().get(course)
        folder = str(labs.resolve()) if labs else (before.labs if before else None)
        added = book.add(course, str(model.resolve()), folder, facts, actor=at_terminal())
    return [*_lines(added), *([NEEDS_LORA] if open_model(model, adapters=True).adapter else [])]


def course_lines() -> list[str]:
    with local_store() as store:
        return [line for each in CourseRegistry(store.database).registered().values() for line in _lines(each)]


def _lines(registration: Registration) -> Iterator[str]:
    facts = registration.facts
    yield f"{registration.course}  {registration.model}"
    yield f"  base {facts.base_model}, licence {facts.licence or 'not stated'}, weights {facts.model_hash[:12]}"
    yield f"  {'calibrated' if facts.calibration_hash else 'not calibrated: all it grades goes to a person'}"
    yield f"  labs {registration.labs or 'none: requests bring their own rubric, and there are no jobs'}"
    yield f"  since {registration.at}"
