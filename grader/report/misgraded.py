"""Submissions on which the grader and the TA disagree, as the report lists them.

A submission is named by its pseudonym. Ungraded criteria are listed but do not count as disagreements.
"""

from collections.abc import Iterable, Mapping, Sequence

from labs_schema.frozen import Frozen
from labs_schema.grouping import grouped_by
from labs_schema.hashes import submission_key
from labs_schema.limits import ReportLimits
from labs_schema.models import Criterion, Lab, Submission
from serving.measures.decisions import Decision
from serving.web.source_code import ShownFile, shown_files, visible


class Option(Frozen):
    """One rating of a criterion. `probability`: the grader's, None if unknown."""

    title: str
    description: str
    marks: float | None
    probability: float | None
    by_ta: bool
    by_grader: bool


class CriterionResult(Frozen):
    """One criterion of a submission. `ta` and `grader`: rating titles, `grader` None if ungraded. `reasons`: why it
    needs review, empty if auto-accepted."""

    criterion: str
    description: str
    ta: str
    grader: str | None
    confidence: float | None
    reasons: tuple[str, ...]
    evidence: tuple[str, ...]
    options: tuple[Option, ...]

    @property
    def differs(self) -> bool:
        return self.grader is not None and self.grader != self.ta


class Misgraded(Frozen):
    """`key`: pseudonym of the submission. `results`: disagreements first, the most confident one leading."""

    key: str
    lab: str
    results: tuple[CriterionResult, ...]
    files: tuple[ShownFile, ...]

    @property
    def worst(self) -> CriterionResult:
        return self.results[0]

    @property
    def differences(self) -> int:
        return sum(result.differs for result in self.results)

    @property
    def accepted(self) -> int:
        """Number of disagreements that would have been auto-accepted."""
        return sum(result.differs and not result.reasons for result in self.results)


def misgraded(decisions: Iterable[Decision], labs: Mapping[str, Lab]) -> tuple[Misgraded, ...]:
    """The submissions with a disagreement, the most confident one first, up to `ReportLimits.submissions`.

    `labs`: by name, all labs of `decisions`.
    """
    submissions = {(lab.name, s.student): s for lab in labs.values() for s in lab.submissions}
    found = differing(decisions)[: ReportLimits().submissions]
    return tuple(_misgraded(labs[group[0].lab], submissions[group[0].lab, group[0].student], group) for group in found)


def differing(decisions: Iterable[Decision]) -> list[list[Decision]]:
    """The decisions of each submission with a disagreement, sorted by confidence of the disagreement, descending."""
    by_submission = grouped_by(decisions, lambda d: (d.lab, d.student))
    groups = [sorted(group, key=_rank) for group in by_submission.values() if any(map(_differs, group))]
    return sorted(groups, key=lambda group: _rank(group[0]))


def _rank(decision: Decision) -> tuple[bool, float, str, str]:
    """Disagreements first, then by confidence. Ties go by pseudonym: an order must not reveal students' ids."""
    pseudonym = submission_key(decision.lab, decision.student)
    return not _differs(decision), -(decision.confidence or 0.0), decision.lab, pseudonym


def _differs(decision: Decision) -> bool:
    return decision.grader not in (None, decision.human)


def _misgraded(lab: Lab, submission: Submission, decisions: Sequence[Decision]) -> Misgraded:
    return Misgraded(
        key=submission_key(lab.name, submission.student),
        lab=visible(lab.name),
        results=tuple(_result(lab.criterion(d.criterion), d) for d in decisions),
        files=shown_files(submission.files, lab.language),
    )


def _result(criterion: Criterion, decision: Decision) -> CriterionResult:
    probabilities = decision.probabilities or [None] * len(criterion.ratings)
    titles = [visible(rating.title) for rating in criterion.ratings]
    return CriterionResult(
        criterion=visible(criterion.title),
        description=visible(criterion.description),
        ta=titles[decision.human],
        grader=None if decision.grader is None else titles[decision.grader],
        confidence=decision.confidence,
        reasons=tuple(map(visible, decision.reasons)),
        evidence=tuple(map(visible, decision.evidence)),
        options=tuple(
            Option(
                title=titles[i],
                description=visible(rating.description),
                marks=rating.marks,
                probability=probability,
                by_ta=i == decision.human,
                by_grader=i == decision.grader,
            )
            for i, (rating, probability) in enumerate(zip(criterion.ratings, probabilities, strict=True))
        ),
    )
