"""The changes that other grades would make to the current ratings of a lab."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from labs_schema.frozen import Frozen
from labs_schema.grades import CriterionGrade, Grade
from serving.review.filters import Hidden
from serving.review.index import LabReview


class CurrentRating(NamedTuple):
    """`machine`: the model's rating, `rating` the current one, `decided`: by a person. None if ungraded."""

    student: str
    criterion: str
    machine: str | None
    rating: str | None
    decided: bool


class RatingChange(Frozen):
    """`before` is the current rating, `now` that of the other model; None if ungraded. `confidence`: of `now`.

    `decided`: a person decided the current rating, so it stays.
    """

    student: str
    criterion: str
    before: str | None
    now: str | None
    confidence: float | None
    decided: bool


class RatingChanges(Frozen):
    """`compared`: criteria that have both grades. `decisions` are those that a person decided; of these,
    `before_agrees` and `now_agrees` count the ratings of the current and of the other model."""

    compared: int
    changes: tuple[RatingChange, ...]
    decisions: int
    before_agrees: int
    now_agrees: int

    @property
    def effective(self) -> list[RatingChange]:
        """The changes of ratings that no person decided."""
        return [each for each in self.changes if not each.decided]


def rating_changes(
    current: Iterable[CurrentRating], proposed: Mapping[str, Mapping[str, CriterionGrade]]
) -> RatingChanges:
    """`proposed`: student -> criterion title -> the other grade. The most certain changes first."""
    changes: list[RatingChange] = []
    compared = decisions = before_agrees = now_agrees = 0
    for each in current:
        answer = proposed.get(each.student, {}).get(each.criterion)
        if answer is None:
            continue
        compared += 1
        decisions += each.decided
        before_agrees += each.decided and each.machine == each.rating
        now_agrees += each.decided and answer.rating == each.rating
        if answer.rating != each.rating:
            change = {"student": each.student, "criterion": each.criterion, "before": each.rating}
            now = {"now": answer.rating, "confidence": answer.confidence, "decided": each.decided}
            changes.append(RatingChange.model_validate({**change, **now}))
    return RatingChanges(
        compared=compared,
        changes=tuple(sorted(changes, key=lambda each: -(each.confidence or 0))),
        decisions=decisions,
        before_agrees=before_agrees,
        now_agrees=now_agrees,
    )


def current_ratings(review: LabReview) -> list[CurrentRating]:
    """The ratings of students with a name: anonymous submissions are not in a lab's folder."""
    return [
        CurrentRating(item.name, each.title, each.rating, each.current, each.decision.rating is not None)
        for item in review.items.values()
        if item.name
        for each in item.criteria
    ]


def by_student(
    grades: Iterable[Grade], students: Mapping[str, tuple[str, ...]]
) -> dict[str, dict[str, CriterionGrade]]:
    """Student -> criterion title -> grade. `students`: those of each submission, by the one whose name it has."""
    return {
        student: {each.criterion: each for each in grade.criteria}
        for grade in grades
        for student in students.get(grade.student, (grade.student,))
    }


def visible_changes(changed: RatingChanges, review: LabReview, hidden: Hidden) -> tuple[list[RatingChange], int]:
    """The changes that take effect, without those of criteria that the visitor must rate blind; and their number."""
    blind = {(item.name, each.title) for item in review.items.values() for each in item.criteria if hidden(item, each)}
    shown = [each for each in changed.effective if (each.student, each.criterion) not in blind]
    return shown, len(changed.effective) - len(shown)
