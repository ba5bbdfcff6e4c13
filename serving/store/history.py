"""All that happened to one submission's grade, oldest first."""

from sqlalchemy import Connection

from labs_schema.frozen import Frozen
from labs_schema.models import Lab
from serving.store.grades import StoredGrade, read_grade, read_lab, read_student
from serving.store.overrides import StoredOverride, read_overrides
from serving.store.students import is_nobody, who


class History(Frozen):
    """`grade` with its `overrides`, the `lab` as it was then, and the student's other grades in it: `regrades`, none
    where the work was nobody's."""

    grade: StoredGrade
    overrides: tuple[StoredOverride, ...]
    regrades: tuple[StoredGrade, ...]
    lab: Lab

    @property
    def ratings(self) -> dict[str, str | None]:
        """criterion title -> the rating in force, None where ungraded; empty once the student was forgotten."""
        machine = self.grade.grade.criteria if self.grade.grade else ()
        return {each.criterion: each.rating for each in machine} | {o.criterion: o.new for o in self.overrides}


def read_history(connection: Connection, grade_id: str) -> History:
    """Raises UnknownError where there is no grade of this id."""
    grade = read_grade(connection, grade_id)
    nobody = is_nobody(who(connection, grade.student).student)
    others = () if nobody else (g for g in read_student(connection, grade.student, grade.lab) if g.id != grade_id)
    return History(
        grade=grade,
        overrides=tuple(read_overrides(connection, grade_id)),
        regrades=tuple(others),
        lab=read_lab(connection, grade.rubric),
    )
