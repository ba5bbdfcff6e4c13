"""Grades a stored submission again, by its stored rubric, and lists the differences from the stored grade."""

from collections.abc import Iterator

from labs_schema.frozen import Frozen
from labs_schema.grades import CriterionGrade, Grade
from serving.grading.retries import GradesLabs
from serving.store.errors import ForgottenError, UnknownError
from serving.store.store import Store

COMPARED = ("rating", "ungraded", "marks", "max_marks", "status", "review_reasons", "reasoning", "decided", "evidence")
"""The fields of an answer, without probabilities, whose last digits may differ."""


class Difference(Frozen):
    """`what`: a field of the provenance, or a criterion and its field."""

    what: str
    then: str
    now: str


class Replayed(Frozen):
    """Differences in provenance and in answers.

    `gap`: the largest difference of a probability, in [0, 1]; two runs of one engine may differ in its last digits.
    """

    provenance: tuple[Difference, ...]
    answers: tuple[Difference, ...]
    gap: float

    @property
    def same(self) -> bool:
        return not self.provenance and not self.answers


def replay(store: Store, grade_id: str, grader: GradesLabs) -> Replayed:
    """Raises UnknownError for an unknown grade and for one that no model gave, ForgottenError if its student was
    deleted."""
    history, submission = store.read_history(grade_id), store.read_submission(grade_id)
    then = history.grade.grade
    if then is None or submission is None:
        raise ForgottenError(f"The student of grade {grade_id} was deleted, and the program with them.")
    if then.provenance is None:
        raise UnknownError(f"No model graded {grade_id}: there is nothing to repeat.")
    reasoning = grader.provenance(history.lab, submission, reasoning=True) == then.origin
    reasoning = reasoning or any(each.reasoning for each in then.criteria)
    [now] = grader.grade(history.lab, [submission], reasoning=reasoning)
    source = now.origin.model_dump()
    return Replayed(
        provenance=tuple(
            Difference(what=name, then=str(value), now=str(source[name]))
            for name, value in then.origin.model_dump().items()
            if value != source[name]
        ),
        answers=tuple(_answers(then, now)),
        gap=max((_gap(a, b) for a, b in zip(then.criteria, now.criteria, strict=True)), default=0.0),
    )


def _answers(then: Grade, now: Grade) -> Iterator[Difference]:
    for old, new in zip(then.criteria, now.criteria, strict=True):
        for field in COMPARED:
            before, after = getattr(old, field), getattr(new, field)
            if before != after:
                yield Difference(what=f"{old.criterion}: {field}", then=str(before), now=str(after))


def _gap(then: CriterionGrade, now: CriterionGrade) -> float:
    titles = then.probabilities.keys() | now.probabilities.keys()
    return max((abs(then.probabilities.get(t, 0) - now.probabilities.get(t, 0)) for t in titles), default=0.0)
