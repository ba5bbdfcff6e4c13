"""Submissions on which the grader and the TA disagree, as the report lists them.

A submission is named by its pseudonym. Ungraded criteria are listed but do not count as disagreements.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from labs_schema.grouping import grouped_by
from labs_schema.hashes import submission_key
from labs_schema.limits import ReportLimits
from labs_schema.models import Criterion, Lab, Submission
from serving.measures.decisions import Decision
from serving.web.source_code import ShownFile, shown_files


class Result(NamedTuple):
    """One criterion of a submission, with the TA's and the grader's rating."""

    criterion: Criterion
    decision: Decision

    @property
    def ta(self) -> str:
        return self.criterion.ratings[self.decision.human].title

    @property
    def grader(self) -> str | None:
        """None if ungraded."""
        return None if self.decision.grader is None else self.criterion.ratings[self.decision.grader].title

    @property
    def differs(self) -> bool:
        return _differs(self.decision)


class Misgraded(NamedTuple):
    """`key`: pseudonym of the submission. `results`: disagreements first, the most confident one leading."""

    key: str
    lab: str
    results: tuple[Result, ...]
    files: tuple[ShownFile, ...]

    @property
    def worst(self) -> Result:
        return self.results[0]

    @property
    def differences(self) -> int:
        return sum(result.differs for result in self.results)

    @property
    def accepted(self) -> int:
        """Number of disagreements that would have been auto-accepted."""
        return sum(each.differs and not each.decision.reasons for each in self.results)


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
        lab=lab.name,
        results=tuple(Result(lab.criterion(d.criterion), d) for d in decisions),
        files=shown_files(submission.files, lab.language),
    )
