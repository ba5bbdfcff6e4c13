"""Submissions in which a grader and the TA differ, as the report shows them: who gave what, and how sure it was.

A submission is named by its pseudonym. Ungraded criteria are shown, and are no difference.
"""

from collections.abc import Iterable, Mapping, Sequence

from grader.report.code import ShownFile, shown_files, visible
from labs_schema.frozen import Frozen
from labs_schema.hashes import submission_key
from labs_schema.models import Criterion, Lab, Submission
from serving.measures.decisions import Decision

MOST_SHOWN = 1000
"""Submissions of a group that are shown with their code: a page of more would be too large to open."""


class Option(Frozen):
    """A rating of a criterion. `share`: the grader's probability of it, None where it is not known."""

    title: str
    description: str
    marks: float | None
    share: float | None
    by_ta: bool
    by_grader: bool


class Judgement(Frozen):
    """A criterion of a submission. `ta` and `grader` are rating titles; `grader` is None where ungraded.

    `reasons`: why a person was asked to look at it, empty where it would have been accepted.
    """

    criterion: str
    description: str
    ta: str
    grader: str | None
    confidence: float | None
    reasons: tuple[str, ...]
    options: tuple[Option, ...]

    @property
    def differs(self) -> bool:
        return self.grader is not None and self.grader != self.ta


class Misgraded(Frozen):
    """`key` is the pseudonym. `judgements`: those that differ come first, the most confident of them leading."""

    key: str
    lab: str
    judgements: tuple[Judgement, ...]
    files: tuple[ShownFile, ...]

    @property
    def worst(self) -> Judgement:
        return self.judgements[0]

    @property
    def differences(self) -> int:
        return sum(judgement.differs for judgement in self.judgements)

    @property
    def accepted(self) -> int:
        """Differences that no person would have seen."""
        return sum(judgement.differs and not judgement.reasons for judgement in self.judgements)


def misgraded(decisions: Iterable[Decision], labs: Mapping[str, Lab]) -> tuple[Misgraded, ...]:
    """The submissions with a difference, those with the most confident one first; of more than MOST_SHOWN, the first.

    `labs` holds each lab of `decisions`.
    """
    work = {(lab.name, s.student): s for lab in labs.values() for s in lab.submissions}
    found = differing(decisions)[:MOST_SHOWN]
    return tuple(_misgraded(labs[group[0].lab], work[group[0].lab, group[0].student], group) for group in found)


def differing(decisions: Iterable[Decision]) -> list[list[Decision]]:
    """All decisions on each submission with a difference: the submission with the most confident one first, and in
    each the differences first, the most confident one leading."""
    judged: dict[tuple[str, str], list[Decision]] = {}
    for decision in decisions:
        judged.setdefault((decision.lab, decision.student), []).append(decision)
    groups = [sorted(group, key=_rank) for group in judged.values() if any(map(differs, group))]
    return sorted(groups, key=lambda group: _rank(group[0]))


def _rank(decision: Decision) -> tuple[bool, float, str, str]:
    """Differences first, then the surest; equally sure ones by pseudonym, so that no id decides an order."""
    pseudonym = submission_key(decision.lab, decision.student)
    return not differs(decision), -(decision.confidence or 0.0), decision.lab, pseudonym


def differs(decision: Decision) -> bool:
    """Whether the grader gave a rating, and another than the TA."""
    return decision.grader not in (None, decision.human)


def _misgraded(lab: Lab, submission: Submission, decisions: Sequence[Decision]) -> Misgraded:
    return Misgraded(
        key=submission_key(lab.name, submission.student),
        lab=visible(lab.name),
        judgements=tuple(_judgement(lab.criterion(d.criterion), d) for d in decisions),
        files=shown_files(submission.files, lab.language),
    )


def _judgement(criterion: Criterion, decision: Decision) -> Judgement:
    shares = decision.probabilities or [None] * len(criterion.ratings)
    given = [visible(rating.title) for rating in criterion.ratings]
    return Judgement(
        criterion=visible(criterion.title),
        description=visible(criterion.description),
        ta=given[decision.human],
        grader=None if decision.grader is None else given[decision.grader],
        confidence=decision.confidence,
        reasons=tuple(map(visible, decision.reasons)),
        options=tuple(
            Option(
                title=given[i],
                description=visible(rating.description),
                marks=rating.marks,
                share=share,
                by_ta=i == decision.human,
                by_grader=i == decision.grader,
            )
            for i, (rating, share) in enumerate(zip(criterion.ratings, shares, strict=True))
        ),
    )
