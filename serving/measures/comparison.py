"""A regraded lab compared with its TAs: counts for each criterion, and each disagreement."""

from collections import Counter
from collections.abc import Iterable, Sequence

from labs_schema.frozen import Frozen
from labs_schema.grades import Grade, Status
from labs_schema.models import Criterion, Lab
from serving.measures.decisions import Decision, decisions_from_grades


class Difference(Frozen):
    """A criterion of a submission that the TA and the grader rated differently. Ratings are titles."""

    student: str
    criterion: str
    ta: str
    grader: str
    confidence: float | None


class CriterionComparison(Frozen):
    """Counts of one criterion. `confusion`: TA's rating -> grader's rating -> count; its sum is `rated_by_both`.

    `ungraded`: answers without a rating. `needs_review`: answers, graded or not, that need human review.
    """

    criterion: str
    rated_by_both: int
    agreed: int
    ungraded: int
    needs_review: int
    confusion: dict[str, dict[str, int]]


class Comparison(Frozen):
    """`students` are in the results; of these, `unreadable` (code of the reason -> count) have no readable program.

    `agreement`: agreed / rated_by_both, null if no TA rated anything. `differences`: the most confident first.
    """

    lab: str
    students: int
    unreadable: dict[str, int]
    rated_by_both: int
    agreed: int
    agreement: float | None
    criteria: tuple[CriterionComparison, ...]
    differences: tuple[Difference, ...]


def compare(lab: Lab, grades: Sequence[Grade]) -> Comparison:
    """Compares `grades` with the TAs' grades of the lab."""
    both = [decision for decision in decisions_from_grades(lab, grades) if decision.grader is not None]
    found = {grade.student for grade in grades}
    agreed = sum(decision.human == decision.grader for decision in both)
    return Comparison(
        lab=lab.name,
        students=len(grades),
        unreadable=dict(sorted(Counter(each.code for each in lab.unreadable if each.student in found).items())),
        rated_by_both=len(both),
        agreed=agreed,
        agreement=agreed / len(both) if both else None,
        criteria=tuple(_criterion(criterion, both, grades) for criterion in lab.criteria),
        differences=_differences(lab, both),
    )


def _criterion(criterion: Criterion, both: Iterable[Decision], grades: Iterable[Grade]) -> CriterionComparison:
    answers = [answer for grade in grades for answer in grade.criteria if answer.criterion == criterion.title]
    pairs = Counter((d.human, d.grader) for d in both if d.criterion == criterion.title)
    titles = [rating.title for rating in criterion.ratings]
    return CriterionComparison(
        criterion=criterion.title,
        rated_by_both=pairs.total(),
        agreed=sum(count for (human, grader), count in pairs.items() if human == grader),
        ungraded=sum(answer.rating is None for answer in answers),
        needs_review=sum(answer.status is Status.NEEDS_REVIEW for answer in answers),
        confusion={ta: {grader: pairs[i, j] for j, grader in enumerate(titles)} for i, ta in enumerate(titles)},
    )


def _differences(lab: Lab, both: Iterable[Decision]) -> tuple[Difference, ...]:
    found = [
        Difference(
            student=decision.student,
            criterion=decision.criterion,
            ta=_title(lab, decision, decision.human),
            grader=_title(lab, decision, decision.grader),
            confidence=decision.confidence,
        )
        for decision in both
        if decision.grader is not None and decision.human != decision.grader
    ]
    return tuple(sorted(found, key=lambda each: -(each.confidence or 0.0)))


def _title(lab: Lab, decision: Decision, rating: int) -> str:
    return lab.criterion(decision.criterion).ratings[rating].title
