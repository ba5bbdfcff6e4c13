"""What one submission breaks: it is tried alone, given up with its reason, and costs no other its grade."""

from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.models import Lab, SourceFile, Submission
from serving.engines.engine import EngineDownError, EngineFailure, LabelScores, ScoreRequest
from serving.grading.retries import TRIES, asked_again, grade_patiently

MakeLab = Callable[..., Lab]
POISON = "return 4;"


def poisoned(fake_grader: Any, error: BaseException) -> list[list[str]]:
    """Lets the grader raise `error` whenever it sees the program of s002; gives what it was asked."""
    asked: list[list[str]] = []
    grade = fake_grader.grade

    def grade_or_raise(lab: Lab, submissions: Any, **options: Any) -> Any:
        asked.append([submission.student for submission in submissions])
        if any(POISON in file.text for submission in submissions for file in submission.files):
            raise error
        return grade(lab, submissions, **options)

    fake_grader.grade = grade_or_raise
    return asked


def test_an_engine_that_fails_once_is_asked_again_for_that_submission_only(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any
) -> None:
    lab = make_lab(students=3)
    fake_engine.script = [LabelScores((-0.1, -3.0, -3.0)), EngineFailure("the engine gave no answer")]
    grades = grade_patiently(fake_grader, lab, lab.submissions)
    assert [a.ungraded for grade in grades for a in grade.criteria] == [None] * 6
    assert [len(call) for call in fake_engine.calls] == [6, 2]


def test_what_stays_unanswered_is_asked_no_more_than_that(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any
) -> None:
    def answer(request: ScoreRequest) -> Any:
        return EngineFailure("no") if len(request.labels) == 3 else LabelScores((-0.1, -3.0))

    fake_engine.answer = answer
    lab = make_lab(students=1)
    [grade] = grade_patiently(fake_grader, lab, lab.submissions)
    assert [a.ungraded for a in grade.criteria] == ["no", None]
    assert len(fake_engine.calls) == 1 + TRIES


def test_asked_again_a_grade_does_not_get_worse(make_lab: MakeLab, fake_engine: Any, fake_grader: Any) -> None:
    lab, failed = make_lab(students=1), EngineFailure("no")
    fake_engine.script = [LabelScores((-0.1, -3.0, -3.0)), *[failed] * (1 + 2 * TRIES)]
    submission = lab.submissions[0]
    [first] = fake_grader.grade(lab, [submission])
    again = asked_again(lambda asked: fake_grader.grade(lab, asked), submission, first)
    assert [answer.ungraded for answer in again.criteria] == [None, "no"]


def test_a_submission_that_breaks_the_grader_is_ungraded_with_no_word_of_its_text(
    make_lab: MakeLab, fake_grader: Any
) -> None:
    lab = make_lab(students=4)
    asked = poisoned(fake_grader, RuntimeError(POISON))
    grades = grade_patiently(fake_grader, lab, lab.submissions)
    assert [grade.student for grade in grades] == ["s000", "s001", "s002", "s003"]
    reasons = [{a.ungraded for a in grade.criteria} for grade in grades]
    assert reasons == [{None}, {None}, {"grading failed 3 times: RuntimeError"}, {None}]
    assert grades[2].provenance == fake_grader.provenance(lab, lab.submissions[2])
    assert asked.count(["s002"]) == TRIES


def test_an_engine_that_bears_nothing_any_more_blames_no_submission(make_lab: MakeLab, fake_grader: Any) -> None:
    lab = make_lab(students=1)

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    fake_grader.grade = broken
    with pytest.raises(EngineDownError, match="grades nothing any more: RuntimeError"):
        grade_patiently(fake_grader, lab, lab.submissions)


def test_an_engine_that_is_down_is_told_at_once(make_lab: MakeLab, fake_grader: Any) -> None:
    lab = make_lab(students=4)
    asked = poisoned(fake_grader, EngineDownError("all servers are gone"))
    with pytest.raises(EngineDownError, match="all servers are gone"):
        grade_patiently(fake_grader, lab, lab.submissions)
    assert len(asked) == 1


def test_an_empty_submission_asks_the_engine_nothing(make_lab: MakeLab, fake_engine: Any, fake_grader: Any) -> None:
    empty = Submission(student="s9", folder="s9", files=(SourceFile(path="main.c", text=""),))
    [grade] = grade_patiently(fake_grader, make_lab(students=0), [empty])
    assert all(a.ungraded for a in grade.criteria) and not fake_engine.calls
