"""Submissions in which a grader and the TA differ, as the report shows them: who gave what, and how sure it was.

A submission is named by its pseudonym. Ungraded criteria are shown, and are no difference.
"""

from collections.abc import Mapping, Sequence

from grader.report.code import ShownFile, shown_files, visible
from labs_schema.frozen import Frozen
from labs_schema.hashes import submission_key
from labs_schema.models import Criterion, Lab, Submission
from serving.measures.decisions import Decision


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


def misgraded(decisions: Sequence[Decision], labs: Mapping[str, Lab]) -> tuple[Misgraded, ...]:
    """Every submission with a difference, the most confident one first. `labs` holds each lab of `decisions`."""
    work = {(lab.name, s.student): s for lab in labs.values() for s in lab.submissions}
    judged: dict[tuple[str, str], list[Decision]] = {}
    for decision in decisions:
        judged.setdefault((decision.lab, decision.student), []).append(decision)
    found = [_misgraded(labs[key[0]], work[key], group) for key, group in judged.items() if any(map(differs, group))]
    return tuple(sorted(found, key=lambda each: (-(each.worst.confidence or 0.0), each.lab, each.key)))


def differs(decision: Decision) -> bool:
    """Whether the grader gave a rating, and another than the TA."""
    return decision.grader not in (None, decision.human)


def _misgraded(lab: Lab, submission: Submission, decisions: Sequence[Decision]) -> Misgraded:
    judgements = (_judgement(lab.criterion(d.criterion), d) for d in decisions)
    return Misgraded(
        key=submission_key(lab.name, submission.student),
        lab=visible(lab.name),
        judgements=tuple(sorted(judgements, key=lambda j: (not j.differs, -(j.confidence or 0.0)))),
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
