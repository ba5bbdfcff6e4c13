"""A regraded lab compared with its TAs: counts by criterion, confusion and disagreements."""

from collections.abc import Callable, Mapping

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.models import Lab
from serving.measures.comparison import compare

COMPILES, READABLE = "Does it compile?", "Is it readable?"


def a_grade(student: str, answers: Mapping[str, tuple[str, float] | None]) -> Grade:
    criteria = tuple(
        CriterionGrade(criterion=title, ungraded="empty submission")
        if answer is None
        else CriterionGrade(
            criterion=title,
            rating=answer[0],
            probabilities={answer[0]: answer[1]},
            confidence=answer[1],
            status="accepted",
        )
        for title, answer in answers.items()
    )
    origin = Provenance(**dict.fromkeys(Provenance.model_fields, "0"))
    return Grade(lab="lab1", student=student, criteria=criteria, provenance=origin)


def test_comparison_counts_and_sorts_disagreements(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=4)  # the TAs: compile A B C A, readable B A B A
    grades = [
        a_grade("s000", {COMPILES: ("A", 0.9), READABLE: ("B", 0.9)}),
        a_grade("s001", {COMPILES: ("A", 0.6), READABLE: ("B", 0.8)}),
        a_grade("s002", {COMPILES: ("A", 0.7), READABLE: None}),
    ]
    found = compare(lab, grades)
    assert (found.students, found.rated_by_both, found.agreed, found.agreement) == (3, 5, 2, 0.4)
    compiles, readable = found.criteria
    assert (compiles.rated_by_both, compiles.agreed, compiles.ungraded, compiles.needs_review) == (3, 1, 0, 0)
    assert compiles.confusion == {
        "A": {"A": 1, "B": 0, "C": 0},
        "B": {"A": 1, "B": 0, "C": 0},
        "C": {"A": 1, "B": 0, "C": 0},
    }
    assert (readable.rated_by_both, readable.agreed, readable.ungraded, readable.needs_review) == (2, 1, 1, 1)
    assert [(d.student, d.criterion, d.ta, d.grader, d.confidence) for d in found.differences] == [
        ("s001", READABLE, "A", "B", 0.8),
        ("s002", COMPILES, "C", "A", 0.7),
        ("s001", COMPILES, "B", "A", 0.6),
    ]


def test_no_agreement_for_a_lab_without_ta_grades(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=1).model_copy(update={"human_grades": ()})
    found = compare(lab, [a_grade("s000", {COMPILES: ("A", 0.9), READABLE: ("A", 0.9)})])
    assert found.agreement is None
    assert found.differences == ()
