"""Counting words: learns what the text shows, from the students trained on only, and makes nothing up."""

from collections.abc import Callable

import pytest

from grader.bag_of_words import WordCounter
from grader.experiments.answers import commonest_answers, word_answers
from labs_schema.hashes import submission_key
from labs_schema.models import Criterion, HumanGrade, Lab, Rating, SourceFile
from training.dataset.rows import LabSplit

COMPILES, READABLE = "Does it compile?", "Is it readable?"


def shown_by_a_word(lab: Lab) -> Lab:
    """Readable where the program says `total`, else not; every third does not compile and has no main."""
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


def test_a_rating_that_a_word_shows_is_found_in_seen_and_in_new_labs(make_lab: Callable[..., Lab]) -> None:
    seen, new = (shown_by_a_word(make_lab(name, students=18)) for name in ("seen", "new"))
    counter = WordCounter()
    counter.fit([(seen, seen.submissions[:12])])
    for lab in (seen, new):
        for student, answer in counter.grade(lab, lab.submissions[12:]):
            assert answer.rating == lab.ratings_given[student][answer.criterion]
            assert sum(answer.probabilities.values()) == pytest.approx(1)
            assert answer.confidence == max(answer.probabilities.values())
            assert answer.probabilities.get("B") == 0 or answer.criterion == READABLE
    assert answer.marks in (0, 1) and answer.review_reasons == ("not calibrated",)


def test_a_criterion_with_one_rating_only_always_gives_that(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=4)
    one = tuple(grade.model_copy(update={"rating": "B"}) for grade in lab.human_grades)
    counter = WordCounter()
    counter.fit([(lab.model_copy(update={"human_grades": one}), lab.submissions)])
    assert {(answer.rating, answer.confidence) for _, answer in counter.grade(lab, lab.submissions)} == {("B", 1.0)}


def test_a_criterion_that_was_never_trained_on_is_ungraded(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=4)
    other = Criterion(title="Is it fast?", ratings=(Rating(title="yes"), Rating(title="no")))
    renamed = Criterion(title=READABLE, ratings=(Rating(title="yes"), Rating(title="no")))
    counter = WordCounter()
    counter.fit([(lab, lab.submissions)])
    answers = counter.grade(lab.model_copy(update={"criteria": (other, renamed)}), lab.submissions[:1])
    assert [answer.ungraded for _, answer in answers] == ["no such criterion was trained on"] * 2


def test_only_the_students_trained_on_are_learned_from(make_lab: Callable[..., Lab]) -> None:
    """The kept half has every rating turned round: who learned from it would agree with it."""
    lab = shown_by_a_word(make_lab(students=24))
    kept = {s.student for s in lab.submissions[12:]}
    turned = {"A": "B", "B": "A"}
    grades = tuple(
        g.model_copy(update={"rating": turned[g.rating]})
        if g.student in kept and g.criterion == READABLE and g.rating
        else g
        for g in lab.human_grades
    )
    lab = lab.model_copy(update={"human_grades": grades})
    keys = [submission_key(lab.name, s.student) for s in lab.submissions]
    course = [(lab, LabSplit(train=tuple(keys[:12]), test=tuple(keys[12:])))]
    found = word_answers(course, "words")[lab.name]
    assert {d.student for d in found} == kept
    assert not any(d.human == d.grader for d in found if d.criterion == READABLE)
    assert len(found) == len(commonest_answers(course)[lab.name]) == 24
