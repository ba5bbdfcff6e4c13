import math
from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.grades import Status
from labs_schema.models import Lab, SourceFile, Submission
from serving.engines.engine import EngineFailure, LabelScores, ScoreRequest
from serving.scoring.triage import ReviewCode, review_code

MakeLab = Callable[..., Lab]


def scores(*probabilities: float) -> LabelScores:
    return LabelScores(tuple(math.log(p) if p else -math.inf for p in probabilities))


def submitted(text: str, student: str = "s1") -> Submission:
    return Submission(student=student, folder=f"{student}@course", files=(SourceFile(path="main.c", text=text),))


def test_the_most_probable_letter_decides_rating_and_marks(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any
) -> None:
    lab = make_lab(students=1)
    fake_engine.script = [scores(0.1, 0.6, 0.1), scores(0.9, 0.05)]
    [grade] = fake_grader.grade(lab, lab.submissions)
    compiles, readable = grade.criteria
    assert (compiles.criterion, compiles.rating, compiles.marks) == ("Does it compile?", "B", 1)
    assert compiles.probabilities == pytest.approx({"A": 0.125, "B": 0.75, "C": 0.125})
    assert compiles.label_mass == pytest.approx(0.8)
    assert compiles.status == Status.ACCEPTED
    assert (readable.rating, readable.marks) == ("A", 1)
    assert (grade.lab, grade.student, grade.marks_range) == ("lab1", "s000", (2, 2))


def test_a_letter_is_a_position_in_the_rubric_not_a_title(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any
) -> None:
    lab = make_lab(students=1)
    turned = lab.model_copy(
        update={"criteria": tuple(c.model_copy(update={"ratings": c.ratings[::-1]}) for c in lab.criteria)}
    )
    fake_engine.script = [scores(0.9, 0.05, 0.05), scores(0.1, 0.9)]
    [grade] = fake_grader.grade(turned, turned.submissions)
    assert [criterion.rating for criterion in grade.criteria] == ["C", "A"]


def test_one_engine_call_scores_all_submissions_with_shared_prefixes(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any
) -> None:
    lab = make_lab(students=3)
    grades = fake_grader.grade(lab, lab.submissions)
    [scored] = fake_engine.calls
    assert [len(request.labels) for request in scored] == [3, 2] * 3
    for first, second in zip(scored[::2], scored[1::2], strict=True):
        shared = next(i for i, (a, b) in enumerate(zip(first.prompt, second.prompt, strict=False)) if a != b)
        assert shared > len(first.prompt) / 3
    assert [grade.student for grade in grades] == ["s000", "s001", "s002"]


@pytest.mark.parametrize("files", [(), (SourceFile(path="a.c", text=" \n\t"), SourceFile(path="b.c", text=""))])
def test_an_empty_submission_is_ungraded_without_an_engine_call(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any, files: tuple[SourceFile, ...]
) -> None:
    lab = make_lab()
    empty = Submission(student="s9", folder="s9@course", files=files)
    nothing, something = fake_grader.grade(lab, [empty, submitted("int main;")])
    assert [criterion.ungraded for criterion in nothing.criteria] == ["empty submission"] * 2
    assert {criterion.status for criterion in nothing.criteria} == {Status.NEEDS_REVIEW}
    assert nothing.marks_range == (0, 3)
    assert all(criterion.rating for criterion in something.criteria)
    assert len(fake_engine.calls[0]) == 2


def test_an_overlong_program_is_ungraded_and_the_others_are_graded(make_lab: MakeLab, fake_grader: Any) -> None:
    lab = make_lab()
    huge = submitted("int x;\n" * 200_000, "s8")
    overlong, fine = fake_grader.grade(lab, [huge, submitted("int main;")])
    assert all(criterion.ungraded.startswith("overlong: ") for criterion in overlong.criteria)
    assert "s8" not in overlong.criteria[0].ungraded
    assert all(criterion.rating for criterion in fine.criteria)


def test_a_failed_question_is_ungraded_and_the_total_becomes_a_range(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any
) -> None:
    lab = make_lab(students=1)
    fake_engine.script = [EngineFailure("the engine gave no answer"), scores(0.9, 0.1)]
    [grade] = fake_grader.grade(lab, lab.submissions)
    assert grade.criteria[0].ungraded == "the engine gave no answer"
    assert (grade.criteria[0].rating, grade.criteria[0].marks) == (None, None)
    assert grade.marks_range == (1, 3)


@pytest.mark.parametrize("logprobs", [(math.nan, -1.0, -1.0), (-math.inf,) * 3])
def test_unusable_scores_never_become_a_rating(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any, logprobs: tuple[float, ...]
) -> None:
    lab = make_lab(students=1)
    fake_engine.script = [LabelScores(logprobs)]
    [grade] = fake_grader.grade(lab, lab.submissions)
    assert grade.criteria[0].rating is None
    assert [review_code(reason) for reason in grade.criteria[0].review_reasons] == [ReviewCode.UNGRADED]


def test_an_uncertain_answer_keeps_its_rating_and_needs_review(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any
) -> None:
    lab = make_lab(students=1)
    fake_engine.script = [scores(0.4, 0.3, 0.3), scores(0.02, 0.01)]
    [grade] = fake_grader.grade(lab, lab.submissions)
    assert [criterion.rating for criterion in grade.criteria] == ["A", "A"]
    assert [criterion.status for criterion in grade.criteria] == [Status.NEEDS_REVIEW] * 2
    assert review_code(grade.criteria[0].review_reasons[0]) is ReviewCode.LOW_CONFIDENCE
    assert review_code(grade.criteria[1].review_reasons[0]) is ReviewCode.LOW_LABEL_MASS


def test_explanations_continue_the_chosen_letter_in_a_second_step(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any, byte_tokenizer: Any
) -> None:
    lab = make_lab(students=1)
    fake_engine.script = [scores(0.1, 0.8, 0.1), EngineFailure("no")]
    [grade] = fake_grader.grade(lab, lab.submissions, reasoning=True)
    assert [criterion.reasoning for criterion in grade.criteria] == ["Because of line 1.", None]
    [written] = fake_engine.prompts_written
    assert byte_tokenizer.decode(written).endswith('{"answer": "B", "reasoning": "')


@pytest.mark.parametrize("text", [EngineFailure("aborted"), "two\nlines", 'a "quote', "\\", "  "])
def test_an_unreadable_explanation_is_dropped_and_the_rating_stays(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any, text: Any
) -> None:
    lab = make_lab(students=1)
    fake_engine.text = text
    [grade] = fake_grader.grade(lab, lab.submissions, reasoning=True)
    assert [(criterion.rating, criterion.reasoning) for criterion in grade.criteria] == [("A", None)] * 2


def test_provenance_changes_only_with_settings_that_affect_the_grade(make_lab: MakeLab, fake_grader: Any) -> None:
    lab = make_lab()

    def came_from(text: str, *, student: str = "s1", reasoning: bool = False) -> Any:
        return fake_grader.grade(lab, [submitted(text, student)], reasoning=reasoning)[0].provenance

    one = came_from("int main;")
    assert (one.engine, one.engine_version, one.base_model) == ("fake", "1", "fake")
    assert came_from("int main;", student="s2") == one
    assert came_from("int main; ").submission_hash != one.submission_hash
    assert came_from("int main;", reasoning=True).settings_hash != one.settings_hash


def test_prompts_contain_no_student_id(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any, byte_tokenizer: Any
) -> None:
    seen: list[str] = []

    def answer(request: ScoreRequest) -> LabelScores:
        seen.append(byte_tokenizer.decode(request.prompt))
        return scores(*[1 / len(request.labels)] * len(request.labels))

    fake_engine.answer = answer
    fake_grader.grade(make_lab(), [submitted("int main;", "zoe12345")])
    assert len(seen) == 2 and "int main;" in seen[0]
    assert not any("zoe" in text for text in seen)


def test_several_orders_reveal_a_preference_for_a_letter(make_lab: MakeLab, fake_engine: Any, fake_grader: Any) -> None:
    lab = make_lab(students=1)
    fake_grader.orders = 3
    [grade] = fake_grader.grade(lab, lab.submissions)
    [scored] = fake_engine.calls
    assert [len(request.labels) for request in scored] == [3, 3, 3, 2, 2]
    assert len({request.prompt for request in scored}) == 5
    shared = min(
        next(i for i, (a, b) in enumerate(zip(scored[0].prompt, r.prompt, strict=False)) if a != b) for r in scored[1:]
    )
    assert shared > len(scored[0].prompt) / 3
    compiles, readable = grade.criteria
    assert (compiles.letters, readable.letters) == ((0, 0, 0), (0, 0))
    assert compiles.probabilities == pytest.approx({"A": 1 / 3, "B": 1 / 3, "C": 1 / 3})
    assert ReviewCode.ORDER_SENSITIVE in map(review_code, compiles.review_reasons)


def test_over_orders_letters_map_back_to_the_ratings_shown(
    make_lab: MakeLab, fake_engine: Any, fake_grader: Any, byte_tokenizer: Any
) -> None:
    lab = make_lab(students=1)
    described = [rating.description or rating.title for rating in lab.criteria[0].ratings]

    def believes(request: ScoreRequest) -> LabelScores:
        text = byte_tokenizer.decode(request.prompt)
        places = sorted(range(len(request.labels)), key=lambda r: text.rindex(described[r]))
        return scores(*(0.9 if places[letter] == 1 else 0.05 for letter in range(len(request.labels))))

    fake_engine.answer = believes
    fake_grader.orders = 3
    one = lab.model_copy(update={"criteria": lab.criteria[:1]})
    [grade] = fake_grader.grade(one, one.submissions)
    assert grade.criteria[0].rating == "B"
    assert grade.criteria[0].letters == (1, 0, 2)
    assert grade.criteria[0].status == Status.ACCEPTED


def test_one_failed_order_leaves_the_criterion_ungraded(make_lab: MakeLab, fake_engine: Any, fake_grader: Any) -> None:
    lab = make_lab(students=1)
    fake_grader.orders = 2
    fake_engine.script = [scores(0.8, 0.1, 0.1), EngineFailure("aborted")]
    [grade] = fake_grader.grade(lab, lab.submissions)
    assert grade.criteria[0].ungraded == "aborted"
    assert grade.criteria[1].rating == "A"


def test_one_engine_call_grades_submissions_of_several_labs(
    fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab]
) -> None:
    one, two = make_lab("one"), make_lab("two")
    two = two.model_copy(update={"criteria": two.criteria[:1]})
    work = [(one, one.submissions[0]), (two, two.submissions[0]), (one, one.submissions[1])]
    grades = fake_grader.grade_each(work)
    assert [(grade.lab, len(grade.criteria)) for grade in grades] == [("one", 2), ("two", 1), ("one", 2)]
    assert [len(call) for call in fake_engine.calls] == [5]
    assert grades == [fake_grader.grade(lab, [submission])[0] for lab, submission in work]
