"""People's decisions in the store as ratings of a lab."""

from collections.abc import Mapping

from labs_schema.models import Lab
from serving.store.grades.grades import read_submission
from serving.store.grades.overrides import Decision, decisions, read_lab_overrides
from serving.store.store import Store
from serving.store.students import find_pseudonym

Decided = dict[tuple[str, str], Decision]
"""(student, criterion) -> decision."""


def decided_ratings(store: Store, lab: Lab, course: str) -> tuple[Decided, int]:
    """The decisions on the files that the lab has, by its rubric, and the number of the others."""
    work = {student: each for each in lab.submissions for student in each.students}
    ratings = {criterion.title: {each.title for each in criterion.ratings} for criterion in lab.criteria}
    found: Decided = {}
    outdated = 0
    with store.database.reading() as connection:
        names = {find_pseudonym(connection, course, student): student for student in work}
        known = [pseudonym for pseudonym in names if pseudonym]
        for (pseudonym, _), records in read_lab_overrides(connection, lab.name, known).items():
            student, stored = names[pseudonym], read_submission(connection, records[-1].grade)
            made = {title: each for title, each in decisions(records).items() if each.rating is not None}
            usable = {title: each for title, each in made.items() if each.rating in ratings.get(title, ())}
            if stored is None or stored.files != work[student].files:
                usable = {}
            outdated += len(made) - len(usable)
            found |= {(student, title): each for title, each in usable.items()}
    return found, outdated


def with_decisions(table: Mapping[str, Mapping[str, str]], decided: Decided) -> dict[str, dict[str, str]]:
    """The ratings of a lab's table with the decisions, which outrank its cells."""
    ratings = {student: dict(given) for student, given in table.items()}
    for (student, criterion), each in decided.items():
        if each.rating is not None:
            ratings.setdefault(student, {})[criterion] = each.rating
    return ratings
