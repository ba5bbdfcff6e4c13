"""Isolation: a submission that breaks its batch is tried alone once, and costs no other submission its grade."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from labs_schema.grades import Grade
from labs_schema.models import Lab, SourceFile, Submission
from serving.engines.engine import EngineDownError, EngineFailure, LabelScores, ScoreRequest
from serving.grading.retries import grade_isolated, retry_gaps

MakeLab = Callable[..., Lab]
POISON = "return 4;"


def poisoned(grade: Callable[..., list[Grade]], error: BaseException, calls: list[list[str]]) -> Any:
    """Raises `error` for any batch with the program of s002; appends the students of each call to `calls`."""

    def grade_or_raise(submissions: Sequence[Submission]) -> list[Grade]:
        calls.append([submission.student for submission in submissions])
        if any(POISON in file.text for submission in submissions for file in submission.files):
            raise error
        return grade(submissions)

    return grade_or_raise


def test_a_submission_with_a_failed_answer_is_graded_alone_once_more(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any
) -> None:
    lab = make_lab(students=3)
    fake_engine.script = [LabelScores((-0.1, -3.0, -3.0)), EngineFailure("the engine gave no answer")]
    grades = grade_isolated(partial(fake_grader.grade, lab), lab.submissions)
    assert [a.ungraded for grade in grades for a in grade.criteria] == [None] * 6
    assert [len(call) for call in fake_engine.calls] == [6, 2]


def test_an_answer_that_fails_again_stays_ungraded(make_lab: MakeLab, fake_engine: Any, fake_grader: Any) -> None:
    def answer(request: ScoreRequest) -> Any:
        return EngineFailure("no") if len(request.labels) == 3 else LabelScores((-0.1, -3.0))

    fake_engine.answer = answer
    lab = make_lab(students=1)
    [grade] = grade_isolated(partial(fake_grader.grade, lab), lab.submissions)
    assert [a.ungraded for a in grade.criteria] == ["no", None]
    assert len(fake_engine.calls) == 2


@pytest.mark.parametrize("again", ["worse", "raises"])
def test_a_retry_never_makes_a_grade_worse(again: str, make_lab: MakeLab, fake_engine: Any, fake_grader: Any) -> None:
    lab, failed = make_lab(students=1), EngineFailure("no")
    fake_engine.script = [LabelScores((-0.1, -3.0, -3.0)), *[failed] * 3]
    grade_all = partial(fake_grader.grade, lab)
    first = grade_all(lab.submissions)
    retry = (lambda _: [RuntimeError()]) if again == "raises" else grade_all
    [grade] = retry_gaps(retry, lab.submissions, first)
    assert [answer.ungraded for answer in grade.criteria] == [None, "no"]


def test_the_others_of_a_failing_batch_are_graded(make_lab: MakeLab, fake_grader: Any) -> None:
    lab, error, calls = make_lab(students=4), RuntimeError(POISON), list[list[str]]()
    outcomes = grade_isolated(poisoned(partial(fake_grader.grade, lab), error, calls), lab.submissions)
    assert outcomes[2] is error
    assert [each.student for each in outcomes if isinstance(each, Grade)] == ["s000", "s001", "s003"]
    assert calls == [["s000", "s001", "s002", "s003"], ["s000"], ["s001"], ["s002"], ["s003"]]


def test_an_engine_outage_is_raised_at_once(make_lab: MakeLab, fake_grader: Any) -> None:
    lab, calls = make_lab(students=4), list[list[str]]()
    error = EngineDownError("all servers are gone")
    with pytest.raises(EngineDownError, match="all servers are gone"):
        grade_isolated(poisoned(partial(fake_grader.grade, lab), error, calls), lab.submissions)
    assert len(calls) == 1


def test_an_empty_submission_is_not_sent_to_the_engine(make_lab: MakeLab, fake_engine: Any, fake_grader: Any) -> None:
    empty = Submission(student="s9", folder="s9", files=(SourceFile(path="main.c", text=""),))
    [grade] = grade_isolated(partial(fake_grader.grade, make_lab(students=0)), [empty])
    assert all(a.ungraded for a in grade.criteria) and not fake_engine.calls
