"""Hides all ratings of a program, by people or a model, from its second marker until they have rated it."""

from serving.api.authorization import Caller
from serving.api.schemas.problems import ProblemError
from serving.api.service import Service
from serving.jobs.clarified import graded_name
from serving.review.index import LabReview
from serving.review.team.team import Team
from serving.store.grades.grades import StoredGrade


class SecondMarkingOpenError(ProblemError):
    """The caller must first rate a submission as its second marker. `grade`: its current grade."""

    def __init__(self, grade: str) -> None:
        self.grade = grade
        super().__init__("second-marking-open", f"You are the second marker of grade {grade} and have not rated it.")


def require_visible(service: Service, caller: Caller, grade: StoredGrade) -> None:
    """Raises SecondMarkingOpenError if the caller must not see ratings of the grade's submission yet. Blocks."""
    if found := open_second_marking(service, caller, grade):
        raise SecondMarkingOpenError(found)


def require_visible_lab(service: Service, caller: Caller, lab: str) -> None:
    """Raises SecondMarkingOpenError if the caller must not see all ratings of a lab yet. Blocks."""
    review = _review(service, caller, lab)
    first = next((g for item in review.items.values() if (g := review.open_second_marking(item, caller.actor))), None)
    if first is not None:
        raise SecondMarkingOpenError(first)


def open_second_marking(service: Service, caller: Caller, grade: StoredGrade) -> str | None:
    """The grade that the caller must rate first. An earlier grade counts as the student's current ones. Blocks."""
    review = _review(service, caller, grade.lab)
    current = review.items.get(grade.id)
    items = [current] if current else [each for each in review.items.values() if each.student == grade.student]
    return next((found for each in items if (found := review.open_second_marking(each, caller.actor))), None)


def _review(service: Service, caller: Caller, lab: str) -> LabReview:
    """An empty one if the caller never was a second marker: reading a lab takes time."""
    course, name = service.course.name, graded_name(lab)
    if not Team(service.store.database).is_second_marker(caller.actor):
        return LabReview(course, name)
    return service.reviews.lab(course, name)
