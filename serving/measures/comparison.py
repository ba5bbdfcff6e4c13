"""A regraded lab compared with its TAs: counts for each criterion, and each disagreement."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import Field

from labs_schema.frozen import Frozen
from labs_schema.grades import Grade, Status
from labs_schema.models import Criterion, Lab
from serving.measures.decisions import Decision, decisions_from_grades
from serving.scoring.triage import ReviewCode, review_code


class Difference(Frozen):
    """A criterion of a submission that the TA and the grader rated differently. Ratings are titles."""

    student: str = Field(description="The student's id.")
    criterion: str = Field(description="The criterion's title.")
    ta: str = Field(description="The TA's rating.")
    grader: str = Field(description="The grader's rating.")
    confidence: float | None = Field(description="The grader's confidence in its rating.")


class CriterionComparison(Frozen):
    """Counts of one criterion. The sum of `confusion` is `rated_by_both`."""

    criterion: str = Field(description="The criterion's title.")
    rated_by_both: int = Field(description="Submissions that a TA and the grader rated.")
    agreed: int = Field(description="Those with the same rating.")
    ungraded: int = Field(description="Answers without a rating.")
    needs_review: int = Field(description="Answers, graded or not, that need human review.")
    confusion: dict[str, dict[str, int]] = Field(description="TA's rating -> grader's rating -> count.")


class Comparison(Frozen):
    """A regraded lab next to the ratings of its TAs."""

    lab: str = Field(description="The lab's name.")
    students: int = Field(description="Students in the results.")
    unreadable: dict[str, int] = Field(description="Reason code -> number of students without a readable program.")
    unobserved: int = Field(0, description="Students graded without the outcomes of the lab's checks.")
    rated_by_both: int = Field(description="Decisions that a TA and the grader made.")
    agreed: int = Field(description="Those with the same rating.")
    agreement: float | None = Field(description="agreed / rated_by_both, null if no TA rated anything.")
    criteria: tuple[CriterionComparison, ...] = Field(description="The same for each criterion.")
    differences: tuple[Difference, ...] = Field(description="The most confident first.")


def compare(lab: Lab, grades: Sequence[Grade]) -> Comparison:
    """Compares `grades` with the TAs' grades of the lab."""
    both = [decision for decision in decisions_from_grades(lab, grades) if decision.grader is not None]
    found = {grade.student for grade in grades}
    agreed = sum(decision.human == decision.grader for decision in both)
    return Comparison(
        lab=lab.name,
        students=len(grades),
        unreadable=dict(sorted(Counter(each.code for each in lab.unreadable if each.student in found).items())),
        unobserved=sum(map(_is_unobserved, grades)),
        rated_by_both=len(both),
        agreed=agreed,
        agreement=agreed / len(both) if both else None,
        criteria=tuple(_criterion(criterion, both, grades) for criterion in lab.criteria),
        differences=_differences(lab, both),
    )


def _is_unobserved(grade: Grade) -> bool:
    codes = (review_code(reason) for answer in grade.criteria for reason in answer.review_reasons)
    return ReviewCode.NOT_OBSERVED in codes


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
