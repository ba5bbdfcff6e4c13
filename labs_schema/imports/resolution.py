"""Assigns submissions to students: the latest one of each student, and one for each group."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from labs_schema.errors import IssueCollector, quoted
from labs_schema.imports.identities import Identifier, Identity, folded, folder_name
from labs_schema.imports.records import Assessment, IdKind, Ids, ImportedSubmission, PlatformId, RosterEntry, Work


@dataclass
class Students:
    """Assigns works to students. Every owner of a work gets exactly one submission."""

    identifier: Identifier
    issues: IssueCollector
    submission_of: dict[str, str] = field(default_factory=dict)
    """student -> the student whose folder has the work."""
    unmatched: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)
    matched: set[RosterEntry] = field(default_factory=set)
    older: int = 0
    _identities: dict[str, tuple[frozenset[PlatformId], frozenset[PlatformId]]] = field(default_factory=dict)
    """Student -> the ids in the export, and these with those on the roster."""
    _by_id: dict[PlatformId, str] = field(default_factory=dict)
    _reported: set[str] = field(default_factory=set)
    _by_work: dict[str, tuple[str, frozenset[PlatformId]]] = field(default_factory=dict)
    """Work -> the student whose folder has it, and the ids of its owners."""

    def assign(self, works: Sequence[Work]) -> tuple[ImportedSubmission, ...]:
        """The submissions, sorted by student; of several works of a student, the latest."""
        works = [self._decided(work) if work.candidates else work for work in works]
        ordered = sorted(enumerate(works), key=lambda each: (each[1].attempt, each[1].submitted, each[0]), reverse=True)
        latest: dict[str, tuple[int, str]] = {}
        found = []
        for _, work in ordered:
            rank = work.attempt, work.submitted
            students = list(dict.fromkeys(map(self._student, work.owners))) or [self._without_owner(work)]
            free = [each for each in students if each not in self.submission_of]
            owners = _folded(each for owner in work.owners for each in owner)
            self._by_work.setdefault(work.key, (self.submission_of.get(students[0], students[0]), owners))
            for each in set(students) - set(free):
                if latest[each] == rank or free:
                    self.issues.warning("two-submissions", each, found=f"a further submission, {quoted(work.key)}")
            latest.update(dict.fromkeys(free, rank))
            self.submission_of.update(dict.fromkeys(free, free[0] if free else ""))
            self.older += not free
            if free:
                found.append(ImportedSubmission(free[0], tuple(free[1:]), work))
        return tuple(sorted(found, key=lambda each: each.student))

    def student_of(self, assessment: Assessment) -> str | None:
        """The student whose folder has the assessed work; None if there is none, or the ids are those of several."""
        if assessment.work:  # a rating of a submission that is not in the export may be one of other code
            student, owners = self._by_work.get(assessment.work, (None, frozenset()))
            return None if _contradict(_folded(assessment.owner), owners) else student
        known = [self._by_id.get(each) for each in _folded(assessment.owner)]
        found = (self.identifier.identity((each,)) for each in assessment.owner)
        known += [identity.student for identity in found if len(identity.entries) == 1]
        if folders := {self.submission_of[each] for each in known if each in self.submission_of}:
            return folders.pop() if len(folders) == 1 else None
        names = [self.identifier.identity(assessment.owner).student] if assessment.owner else []
        names += [each.value for each in assessment.owner if each.kind is not IdKind.EMAIL]
        return next((self._by_name[name] for name in names if name in self._by_name), None)

    @cached_property
    def _by_name(self) -> dict[str, str]:
        """Folder by student, and by the part of the student's id before its `@` if no other student has it."""
        parts = Counter(student.split("@", 1)[0] for student in self.submission_of)
        local = {student.split("@", 1)[0]: folder for student, folder in self.submission_of.items()}
        return {part: folder for part, folder in local.items() if parts[part] == 1} | self.submission_of

    def _student(self, owner: Ids) -> str:
        identity, ids = self.identifier.identity(owner), _folded(owner)
        every = ids | _folded(identity.entries[0].ids if len(identity.entries) == 1 else ())
        further = f"{identity.student}/{owner[0].kind}", f"{identity.student}/{sorted(ids)}"
        names = (identity.student, *map(folder_name, further))  # other students may have the same name of the folder
        student = next(name for name in names if self._is(name, ids, every))
        if student not in self._reported:
            self._reported.add(student)
            self._report(student, identity)
        for each in ids:
            self._by_id.setdefault(each, student)
        return student

    def _is(self, student: str, ids: frozenset[PlatformId], every: frozenset[PlatformId]) -> bool:
        """Ids of the same kind that differ in the export are two students, even if they are one on the roster."""
        in_export, known = self._identities.setdefault(student, (ids, every))
        return bool(known & every) and not _contradict(in_export, ids)

    def _decided(self, work: Work) -> Work:
        """The owner of a work whose id the export does not separate: the student on the roster, if it is only one."""
        known = {entry for each in work.candidates for entry in self.identifier.identity(each).entries}
        if len(known) == 1:
            return replace(work, owners=(known.pop().ids,), candidates=())
        student = folder_name(work.owners[0][0].value)
        if student not in self._reported:
            self._reported.add(student)
            self.ambiguous.append(student)
            listed = ", ".join(each[0].value for each in work.candidates[:5])
            self.issues.warning("student-ambiguous", student, found=f"an id that may be {quoted(listed)}")
        return work

    def _report(self, student: str, identity: Identity) -> None:
        if len(identity.entries) == 1 and identity.entries[0] in self.matched:
            self.ambiguous.append(student)
            found = f"the same student on the roster as {quoted(identity.student)}"
            self.issues.warning("roster-ambiguous", student, found=found)
        elif len(identity.entries) == 1:
            self.matched.add(identity.entries[0])
        elif identity.entries:
            self.ambiguous.append(student)
            found = f"{len(identity.entries)} students on the roster with the same id"
            self.issues.warning("roster-ambiguous", student, found=found)
        elif self.identifier.roster:
            self.unmatched.append(student)
            self.issues.warning("roster-no-match", student)

    def _without_owner(self, work: Work) -> str:
        """A submission whose student is not named in the export is imported under its own number."""
        student = folder_name(work.key)
        if student in self._identities:
            student = folder_name(f"{work.key}/unknown")
        self._identities[student] = frozenset(), frozenset()
        self.unmatched.append(student)
        self.issues.warning("roster-no-match", student, found=f"no student of the submission {quoted(work.key)}")
        return student


def _folded(ids: Iterable[PlatformId]) -> frozenset[PlatformId]:
    return frozenset(PlatformId(each.kind, folded(each.value)) for each in ids)


def _contradict(first: frozenset[PlatformId], second: frozenset[PlatformId]) -> bool:
    """Whether both have an id of some kind, but none of that kind in common."""
    shared = {each.kind for each in first} & {each.kind for each in second}
    return not shared <= {each.kind for each in first & second}
