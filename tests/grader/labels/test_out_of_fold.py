"""Out-of-fold predictions exclude near-copies and cover every rated submission."""

import numpy as np
import pytest

from grader.labels.out_of_fold import out_of_fold
from labs_schema.models import HumanGrade, Lab, SourceFile

COPIED = ("s003", "s017", "s029", "s038")


@pytest.fixture
def course(make_lab) -> Lab:
    """40 unrelated programs, except that those of COPIED are identical; only they got a C."""
    lab = make_lab(students=40)
    rng = np.random.default_rng(0)
    texts = {
        s.student: "".join(f"if (x == {n}) y += {n};\n" for n in rng.integers(0, 9999, 9)) for s in lab.submissions
    }
    texts |= dict.fromkeys(COPIED, texts[COPIED[0]])
    submissions = tuple(
        s.model_copy(update={"files": (SourceFile(path="main.c", text=texts[s.student]),)}) for s in lab.submissions
    )
    grades = tuple(
        HumanGrade(student=s, criterion=lab.criteria[0].title, rating="C" if s in COPIED else "A") for s in texts
    )
    return lab.model_copy(update={"submissions": submissions, "human_grades": grades})


def test_near_copies_are_not_trained_on(course, monkeypatch) -> None:
    def probabilities_of_c() -> list[float]:
        expected = out_of_fold([course])
        return [float(expected["lab1", student, course.criteria[0].title][2]) for student in COPIED]

    assert max(probabilities_of_c()) < 0.3
    monkeypatch.setattr("labs_schema.near_copies.sketches.Sketches.near_copies", lambda *_: set())
    assert max(probabilities_of_c()) > 0.5


def test_every_rated_submission_has_probabilities(course) -> None:
    shares = out_of_fold([course], folds=3)
    assert {student for _, student, _ in shares} == {s.student for s in course.submissions}
    assert all(each.sum() == pytest.approx(1) for each in shares.values())


def test_ratings_in_a_tas_own_file_count_as_rated(course) -> None:
    current = tuple(g for g in course.human_grades if g.student != "s005")
    own = HumanGrade(student="s005", criterion=course.criteria[0].title, rating="B", rater="ann")
    shares = out_of_fold([course.model_copy(update={"human_grades": current, "rater_grades": (own,)})])
    assert ("lab1", "s005", course.criteria[0].title) in shares


def test_members_of_a_group_share_a_fold_in_every_lab(make_lab, monkeypatch) -> None:
    first, second = make_lab("first", students=20), make_lab("second", students=20)
    pairs = {f"s{i:03d}": f"s{i + 10:03d}" for i in range(10)}
    alone = [s for s in first.submissions if s.student not in pairs.values()]
    together = [s.model_copy(update={"members": (s.student, pairs[s.student])}) for s in alone]
    first = first.model_copy(update={"submissions": tuple(together)})
    folds: list[set[str]] = []

    def note(*given) -> dict[object, object]:
        folds.append({s.student for _, s in given[-1]})
        return {}

    monkeypatch.setattr("grader.labels.out_of_fold._predictions", note)
    out_of_fold([first, second], folds=4)
    assert [sorted(map(len, folds))] == [[4, 4, 6, 6]]
    assert all((student in fold) == (partner in fold) for fold in folds for student, partner in pairs.items())
