"""The bag-of-words baseline learns from training submissions only and leaves unknown criteria ungraded."""

from collections.abc import Callable

import pytest

from grader.bag_of_words import BagOfWords
from grader.experiments.predictions import bag_of_words_predictions, majority_predictions
from labs_schema.hashes import submission_key
from labs_schema.models import Criterion, HumanGrade, Lab, Rating, SourceFile
from serving.scoring.triage import ReviewCode, review_code
from training.dataset.manifest import LabSplit

COMPILES, READABLE = "Does it compile?", "Is it readable?"


def predictable(lab: Lab) -> Lab:
    """Readable if the program contains `total`; every third does not compile and has no `main`."""
    texts = [
        f"int {'main' if i % 3 else 'man'}(void) {{ int {'total' if i % 2 else 'x'} = {i}; return 0; }}"
        for i in range(len(lab.submissions))
    ]
    submissions = tuple(
        s.model_copy(update={"files": (SourceFile(path="main.c", text=text),)})
        for s, text in zip(lab.submissions, texts, strict=True)
    )
    grades = [
        grade
        for i, s in enumerate(submissions)
        for grade in (
            HumanGrade(student=s.student, criterion=COMPILES, rating="A" if i % 3 else "C"),
            HumanGrade(student=s.student, criterion=READABLE, rating="A" if i % 2 else "B"),
        )
    ]
    return lab.model_copy(update={"submissions": submissions, "human_grades": tuple(grades)})


def test_predictable_ratings_are_learned_for_seen_and_new_labs(make_lab: Callable[..., Lab]) -> None:
    seen, new = (predictable(make_lab(name, students=18)) for name in ("seen", "new"))
    model = BagOfWords()
    model.fit([(seen, seen.submissions[:12])])
    for lab in (seen, new):
        for student, answer in model.grade(lab, lab.submissions[12:]):
            assert answer.rating == lab.ratings_by_student[student][answer.criterion]
            assert sum(answer.probabilities.values()) == pytest.approx(1)
            assert answer.confidence == max(answer.probabilities.values())
            assert answer.probabilities.get("B") == 0 or answer.criterion == READABLE
    assert answer.marks in (0, 1) and review_code(answer.review_reasons[0]) is ReviewCode.NOT_CALIBRATED


def test_criterion_with_a_single_rating_always_gets_it(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=4)
    one = tuple(grade.model_copy(update={"rating": "B"}) for grade in lab.human_grades)
    model = BagOfWords()
    model.fit([(lab.model_copy(update={"human_grades": one}), lab.submissions)])
    assert {(answer.rating, answer.confidence) for _, answer in model.grade(lab, lab.submissions)} == {("B", 1.0)}


def test_unknown_criterion_is_ungraded(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=4)
    other = Criterion(title="Is it fast?", ratings=(Rating(title="yes"), Rating(title="no")))
    renamed = Criterion(title=READABLE, ratings=(Rating(title="yes"), Rating(title="no")))
    model = BagOfWords()
    model.fit([(lab, lab.submissions)])
    answers = model.grade(lab.model_copy(update={"criteria": (other, renamed)}), lab.submissions[:1])
    assert [answer.ungraded for _, answer in answers] == ["this criterion was not trained on"] * 2


def test_held_out_students_are_not_learned_from(make_lab: Callable[..., Lab]) -> None:
    """The held-out half has inverted ratings: a model that learned from it would agree with it."""
    lab = predictable(make_lab(students=24))
    tested = {s.student for s in lab.submissions[12:]}
    inverted = {"A": "B", "B": "A"}
    grades = tuple(
        g.model_copy(update={"rating": inverted[g.rating]})
        if g.student in tested and g.criterion == READABLE and g.rating
        else g
        for g in lab.human_grades
    )
    lab = lab.model_copy(update={"human_grades": grades})
    keys = [submission_key(lab.name, s.student) for s in lab.submissions]
    course = [(lab, LabSplit(train=tuple(keys[:12]), test=tuple(keys[12:])))]
    found = bag_of_words_predictions(course)[lab.name]
    assert {d.student for d in found} == tested
    assert not any(d.human == d.grader for d in found if d.criterion == READABLE)
    assert len(found) == len(majority_predictions(course)[lab.name]) == 24


def test_fit_in_the_span_of_the_examples_equals_the_sparse_fit(
    make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = predictable(make_lab(students=18))

    def probabilities() -> list[float]:
        model = BagOfWords()
        model.fit([(lab, lab.submissions[:12])])
        answers = model.grade(lab, lab.submissions[12:])
        return [p for _, answer in answers for p in answer.probabilities.values()]

    in_span = probabilities()
    monkeypatch.setattr("grader.bag_of_words.SPAN_EXAMPLES", 0)
    assert probabilities() == pytest.approx(in_span, abs=1e-3)
