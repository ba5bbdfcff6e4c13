"""Which person on a platform a student is: by ids, never by name."""

from collections import Counter
from collections.abc import Mapping, Sequence

from labs_schema.frozen import Frozen
from labs_schema.imports.identities import folded
from labs_schema.imports.records import IdKind
from serving.deliveries.platform import PlatformPerson

LOCAL_PART = "the part of the e-mail address before the @"
KINDS = (IdKind.NUMBER, IdKind.LOGIN, IdKind.EMAIL, LOCAL_PART, IdKind.PLATFORM)
"""If several kinds find equally many students, the first one is used."""


class Matching(Frozen):
    """`person_of`: student -> the platform's id. `ambiguous`: students who may be several people, or share one.

    `kind`: the kind of id by which students were found; empty if none was. `only_there`: the number of people on the
    platform who are not students of the lab.
    """

    person_of: dict[str, str]
    unmatched: tuple[str, ...]
    ambiguous: tuple[str, ...]
    kind: str
    only_there: int


def match_people(students: Sequence[str], people: Sequence[PlatformPerson], known: Mapping[str, str]) -> Matching:
    """`known`: student -> the person that earlier deliveries went to; it decides as long as the person is there.

    All other students are looked up by one kind of id, by which most of them are found: where the platform hides
    student numbers, a number must not be taken for the platform's own id of another person.
    """
    there = {person.id for person in people}
    by_kind = {kind: _index(people, kind) for kind in KINDS}
    keys = {student: folded(student) for student in students}
    counts = {kind: sum(key in index for key in keys.values()) for kind, index in by_kind.items()}
    kind = max(KINDS, key=lambda each: counts[each])
    found = {
        student: {known[student]} if known.get(student) in there else by_kind[kind].get(key, set())
        for student, key in keys.items()
    }
    chosen = {student: next(iter(ids)) for student, ids in found.items() if len(ids) == 1}
    times = Counter(chosen.values())
    person_of = {student: person for student, person in chosen.items() if times[person] == 1}
    return Matching(
        person_of=person_of,
        unmatched=tuple(student for student in students if not found[student]),
        ambiguous=tuple(student for student in students if found[student] and student not in person_of),
        kind=str(kind) if counts[kind] else "",
        only_there=len(there - set(person_of.values())),
    )


def _index(people: Sequence[PlatformPerson], kind: str) -> dict[str, set[str]]:
    """Id of one kind -> the people who have it."""
    index: dict[str, set[str]] = {}
    for person in people:
        for each, value in person.ids:
            if kind == LOCAL_PART and each is IdKind.EMAIL:
                index.setdefault(folded(value.split("@", 1)[0]), set()).add(person.id)
            elif each == kind:
                index.setdefault(folded(value), set()).add(person.id)
    return index
