"""Agreement on unseen students and on unseen labs."""

from collections.abc import Callable

from benchmarks.heads.course import MAJORITY, SHARE, WORDS, Course, Rows, rated_by
from benchmarks.heads.graders import by_head, by_majority, by_words
from serving.measures.decisions import Decision
from training.dataset.splits import training_students

SPLITS = 3


def splits(course: Course, rows: Rows, show: Callable[[str, int, int], None]) -> None:
    students = sorted({student for lab in course.labs for student in lab.ratings_by_student})
    for seed in range(SPLITS):
        train = training_students(students, SHARE, seed)
        test = [s for s in students if s not in train]
        sides = [
            (lab, [s for s in train if s in lab.ratings_by_student], [s for s in test if s in lab.ratings_by_student])
            for lab in course.labs
        ]
        tested = [(lab, held_out) for lab, _, held_out in sides]
        for lab, trained, held_out in sides:
            rows.setdefault(("unseen students", MAJORITY), []).extend(by_majority(lab, trained, [], held_out))
        found = by_words([(lab, trained) for lab, trained, _ in sides], tested)
        rows.setdefault(("unseen students", WORDS), []).extend(found)
        for kind in course.features:
            found = by_head(course, kind, [rated_by(lab, trained) for lab, trained, _ in sides], tested)
            rows.setdefault(("unseen students", kind), []).extend(found)
        show("splits by student", seed + 1, SPLITS)


def unseen_labs(course: Course, rows: Rows, show: Callable[[str, int, int], None]) -> None:
    for number, lab in enumerate(course.labs):
        others = [other for other in course.labs if other is not lab]
        students = list(lab.ratings_by_student)
        tested = [(lab, students)]
        rows.setdefault(("unseen labs", MAJORITY), []).extend(by_majority(lab, [], others, students))
        found = by_words([(other, list(other.ratings_by_student)) for other in others], tested)
        rows.setdefault(("unseen labs", WORDS), []).extend(found)
        training = [{} if other is lab else other.ratings_by_student for other in course.labs]
        for kind in course.features:
            rows.setdefault(("unseen labs", kind), []).extend(by_head(course, kind, training, tested))
        show("leave one lab out", number + 1, len(course.labs))
    for grader in (MAJORITY, WORDS, *course.features):
        known = [d for d in rows["unseen labs", grader] if _is_known(course, d)]
        rows["unseen labs, known criteria", grader] = known


def _is_known(course: Course, decision: Decision) -> bool:
    return any(decision.criterion in {c.title for c in lab.criteria} for lab in course.labs if lab.name != decision.lab)
