"""A store with grades of a lab, for tests of deliveries."""

from collections.abc import Callable, Mapping

from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, SourceFile, Submission
from serving.store.store import Store

COURSE = "cs101"
Choose = Callable[[int, int], str]
"""Index of the student and of the criterion -> rating."""


def record_grade(
    store: Store,
    lab: Lab,
    student: str,
    ratings: Mapping[str, str | None],
    *,
    request: str = "job1",
    status: Status = Status.ACCEPTED,
    text: str = "int main(void) { return 0; }\n",
) -> str:
    """Records a machine grade: criterion title -> rating, None for ungraded. Returns its id."""
    pseudonym = store.pseudonym_for(COURSE, student, actor="test")
    submission = Submission(student=pseudonym, folder=pseudonym, files=(SourceFile(path="main.c", text=text),))
    source = {name: name for name in Provenance.model_fields}
    source |= {
        "rubric_hash": rubric_hash(lab),
        "submission_hash": submission_hash(submission),
        "observations_hash": None,
    }
    criteria = tuple(
        CriterionGrade(
            criterion=each.title,
            rating=ratings[each.title],
            ungraded=None if ratings[each.title] else "no-answer",
            marks=each.rating(ratings[each.title] or "").marks if ratings[each.title] else None,
            min_marks=each.min_marks,
            max_marks=each.max_marks,
            status=status,
            reasoning=f"Because of line {len(each.title)}.",
        )
        for each in lab.criteria
    )
    grade = Grade(lab=lab.name, student=pseudonym, criteria=criteria, provenance=Provenance(**source))
    [grade_id] = store.record_grades(lab, [submission], [grade], request=request, actor="job")
    assert grade_id is not None
    return grade_id


def grade_students(
    store: Store, lab: Lab, count: int, choose: Choose | None = None, request: str = "job1"
) -> list[str]:
    """Grades `count` students `s000`, `s001`, ...; returns their ids. Without `choose` the ratings rotate."""
    students = [f"s{index:03d}" for index in range(count)]
    for index, student in enumerate(students):
        ratings = {
            each.title: choose(index, at) if choose else each.ratings[(index + at) % len(each.ratings)].title
            for at, each in enumerate(lab.criteria)
        }
        record_grade(store, lab, student, ratings, request=request)
    return students
