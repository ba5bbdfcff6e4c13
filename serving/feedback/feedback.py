"""The content of a student's feedback document, and whether it may be released."""

from collections.abc import Iterator
from functools import partial

from labs_schema.frozen import Frozen
from labs_schema.grades import CriterionGrade, Status
from labs_schema.models import Criterion, Lab
from labs_schema.observations import CheckResult, EvidenceLine, Outcome, SubmissionObservations
from serving.jobs.results.marks_table import with_decisions
from serving.jobs.results.results import Result, result_of
from serving.store.errors import ForgottenError
from serving.store.store import Store
from serving.store.students import is_anonymous

Observed = SubmissionObservations | None


class FeedbackOptions(Frozen):
    """`include_review`: also release criteria that need review, marked as provisional, and ungraded ones.
    `probabilities`: the model's, of every rating that no person decided."""

    include_review: bool = False
    probabilities: bool = False


class FeedbackCriterion(Frozen):
    """`rating` is None if ungraded; `meaning` is the rubric's text for it. `comment`: a person's, else the model's
    explanation. `evidence`: the observations that students may see and that the rating rests on. `provisional`: no
    person has confirmed the rating, although one should."""

    title: str
    description: str
    rating: str | None
    meaning: str
    marks: float | None
    max_marks: float | None
    comment: str
    evidence: tuple[str, ...] = ()
    provisional: bool
    probabilities: dict[str, float]


class FeedbackCheck(Frozen):
    """The outcome of a check that students may see. `texts`: label -> input, output or message. `lines`: messages with
    the file and line that they are about."""

    name: str
    outcome: str
    texts: dict[str, str]
    lines: tuple[str, ...]


class Feedback(Frozen):
    """`total` and `max_marks` are None if a criterion is ungraded or the rubric has no marks. `tests`: how many of the
    tests that students may see passed; empty without one."""

    lab: str
    student: str
    criteria: tuple[FeedbackCriterion, ...]
    total: float | None
    max_marks: float | None
    checks: tuple[FeedbackCheck, ...] = ()
    tests: str = ""

    @property
    def provisional(self) -> bool:
        return any(each.provisional or each.rating is None for each in self.criteria)


def feedback_of(result: Result, lab: Lab, observations: Observed, options: FeedbackOptions) -> Feedback | None:
    """The feedback on a student's submission in `lab`, whose rubric it was graded by; None if it may not be released.

    Without `include_review` it is released once no criterion needs review or is ungraded.
    """
    decided = with_decisions(lab, result)
    made = partial(_criterion, result=result, options=options, observations=observations)
    criteria = tuple(map(made, lab.criteria, decided.criteria))
    complete = all(each.rating is not None for each in criteria)
    if not options.include_review and not (complete and not any(each.provisional for each in criteria)):
        return None
    low, _ = decided.marks_range or (None, None)
    return Feedback(
        lab=lab.name,
        student=result.grade.student,
        criteria=criteria,
        total=low if complete else None,
        max_marks=decided.max_marks,
        checks=tuple(map(_check, _visible(observations))),
        tests=tests_passed(observations, visible=True),
    )


def stored_feedback(store: Store, grade_id: str, options: FeedbackOptions) -> Feedback | None:
    """The feedback on a grade of the store; None if it must not be released yet.

    Raises UnknownError, ForgottenError.
    """
    history, submission = store.read_history(grade_id), store.read_submission(grade_id)
    student = store.read_student(history.grade.student).student
    name = "anonymous" if student and is_anonymous(student) else student
    if (result := result_of(history.grade, name, history.decisions)) is None:
        raise ForgottenError(f"The student of grade {grade_id} was forgotten.")
    return feedback_of(result, history.lab, submission.observations if submission else None, options)


def tests_passed(observations: Observed, *, visible: bool) -> str:
    """`7 of 9 tests passed`; empty if there is no test. `visible`: only of those that students may see."""
    passed, tests = observations.tests_passed(visible=visible) if observations else (0, 0)
    return f"{passed} of {tests} tests passed" if tests else ""


def explanation(machine: CriterionGrade, observations: Observed) -> str:
    """The model's explanation of its rating; empty where it may quote a check that students may not see."""
    quotable = [each.visible for each in machine.evidence]
    quotable += [each.visible for each in observations.results] if observations else []
    return machine.reasoning or "" if all(quotable) else ""


def evidence(machine: CriterionGrade, observations: Observed) -> tuple[str, ...]:
    """The evidence behind the model's rating that students may see. Passed tests are a count, not a list."""
    shown = [each for each in machine.evidence if each.visible]
    tests = {each.check for each in observations.tests} if observations else set()
    passed = tests_passed(observations, visible=True) if machine.evidence else ""
    return (*filter(None, [passed]), *(str(each) for each in shown if not (_passed(each) and each.check in tests)))


def _passed(line: EvidenceLine) -> bool:
    return line.outcome is Outcome.PASSED


def fits(lab: Lab, result: Result) -> bool:
    """Whether the rubric of `lab` has every criterion and every current rating of `result`."""
    known = {criterion.title: {each.title for each in criterion.ratings} for criterion in lab.criteria}
    rated = all(rating in known.get(title, ()) for title, rating in result.ratings.items())
    return rated and known.keys() == {each.criterion for each in result.grade.criteria}


def _criterion(
    criterion: Criterion, answer: CriterionGrade, result: Result, options: FeedbackOptions, observations: Observed
) -> FeedbackCriterion:
    """The explanation and the evidence are the model's: they are left out where a person chose another rating."""
    machine = next(each for each in result.grade.criteria if each.criterion == criterion.title)
    model_rated = criterion.title not in result.overridden
    confirmed = machine.rating == answer.rating
    rating = None if answer.rating is None else criterion.rating(answer.rating)
    return FeedbackCriterion(
        title=criterion.title,
        description=criterion.description,
        rating=answer.rating,
        meaning=rating.description if rating and rating.description != rating.title else "",
        marks=answer.marks,
        max_marks=criterion.max_marks,
        comment=result.comments.get(criterion.title) or (explanation(machine, observations) if confirmed else ""),
        evidence=evidence(machine, observations) if confirmed else (),
        provisional=answer.status is Status.NEEDS_REVIEW and rating is not None,
        probabilities=answer.probabilities if options.probabilities and model_rated else {},
    )


def _visible(observations: Observed) -> Iterator[CheckResult]:
    return (each for each in (observations.results if observations else ()) if each.visible)


def texts_of(result: CheckResult) -> dict[str, str]:
    """The texts that a check has: label -> text."""
    labels = ("arguments", "input", "expected", "actual", "message")
    return {label.capitalize(): text for label in labels if (text := getattr(result, label))}


def _check(result: CheckResult) -> FeedbackCheck:
    lines = (
        f"{each.filename}{'' if each.line is None else f':{each.line}'}: {each.severity}: {each.text}"
        for each in result.diagnostics
    )
    return FeedbackCheck(
        name=result.check,
        outcome=result.outcome.replace("_", " "),
        texts={} if result.passed else texts_of(result),
        lines=tuple(lines),
    )
