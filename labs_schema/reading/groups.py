"""Group work: `groups.csv` names the members of a submission, one row for each member.

The submission is graded once, and a TA's rating of one member is the rating of the group.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from labs_schema.errors import IssueCollector, did_you_mean, quoted, quoted_list
from labs_schema.models import HumanGrade
from labs_schema.reading.lab_folders import GROUPS
from labs_schema.reading.roster import TEAM_HEADINGS, folded_heading, heading_kind
from labs_schema.student_ids import StudentIds, local_part, written_id
from labs_schema.submissions.submissions_folder import SubmissionEntry
from labs_schema.tables.delimited import Row

_GROUP = TEAM_HEADINGS | {"submission"}
_MEMBER = frozenset(
    {"member", "mitglied", "membre", "miembro", "membro", "student", "etudiant", "estudiante", "studente"}
)
_BETWEEN_MEMBERS = re.compile(r"[_+&,; ]+|-(?=\w)|(?i:\band\b)")


def parse_groups(rows: list[Row], path: str, issues: IssueCollector) -> dict[str, list[str]]:
    """Name of the submission -> ids of its members, both as written. Empty, with an error, without the two columns."""
    header, *others = rows
    headings = list(map(folded_heading, header.cells))
    group = next((i for i, each in enumerate(headings) if each in _GROUP), None)
    student = next((i for i, each in enumerate(headings) if each in _MEMBER or heading_kind(each) == "id"), None)
    if group is None or student is None:
        found = f"the headings {quoted_list(list(header.cells))}"
        issues.error("groups-columns", path, line=header.line, found=found)
        return {}
    groups: dict[str, list[str]] = {}
    for row in others:
        if not any(row.cells):
            continue
        cells = [written_id(row.cells[i]) if i < len(row.cells) else "" for i in (group, student)]
        if all(map(local_part, cells)):
            groups.setdefault(cells[0], []).append(cells[1])
        else:
            issues.error("groups-row", path, line=row.line, found="an empty cell")
    return groups


class Groups:
    """The groups of a lab by the ids of its students. `groups`: as from `parse_groups`."""

    def __init__(self, groups: Mapping[str, Iterable[str]], ids: StudentIds) -> None:
        self._members = {
            ids.resolve(name) or name: tuple(sorted({ids.resolve(each) or each for each in members}))
            for name, members in groups.items()
        }
        self._first = {student: members[0] for members in self._members.values() for student in members}
        self._first |= {name: members[0] for name, members in self._members.items() if name not in self._first}

    @property
    def students(self) -> set[str]:
        """Every member of a group."""
        return {student for members in self._members.values() for student in members}

    @property
    def names(self) -> set[str]:
        """The ids of the groups' submissions."""
        return set(self._members)

    def members(self, entry: str) -> tuple[str, ...]:
        """The members of the submission with this id; the student alone if it is not group work."""
        return self._members.get(entry, (entry,))

    def check(self, entries: Collection[str], issues: IssueCollector) -> None:
        """`entries`: the ids of the submissions. An error for a student with two of them."""
        owners: dict[str, str] = {}
        for entry in sorted({*entries, *self._members}):
            for student in self.members(entry):
                if owners.setdefault(student, entry) != entry:
                    found = f"student {quoted(student)} in the submissions {quoted_list([owners[student], entry])}"
                    issues.error("two-groups", GROUPS, found=found)
        for name in sorted(self._members.keys() - set(entries)):
            found, suggestion = f"the group {quoted(name)}", did_you_mean(name, entries)
            issues.warning("group-without-submission", GROUPS, found=found, suggestion=suggestion)

    def merge_grades(
        self, grades: Iterable[HumanGrade], path: str, issues: IssueCollector, *, by_rater: bool = False
    ) -> tuple[HumanGrade, ...]:
        """One grade for each group and criterion, and with `by_rater` for each TA.

        Different ratings of the members do not count as a rating.
        """
        by_group: dict[tuple[str | None, str, str], list[HumanGrade]] = {}
        for grade in grades:
            student = self._first.get(grade.student, grade.student)
            by_group.setdefault((grade.rater if by_rater else None, student, grade.criterion), []).append(grade)
        merged = []
        for (_, student, criterion), same in by_group.items():
            ratings = {each.rating for each in same if each.rating is not None}
            comments = dict.fromkeys(each.comment for each in same if each.comment)
            if len(ratings) > 1:
                found = f"different ratings of {quoted(criterion)} for members of the group of {quoted(student)}"
                issues.warning("group-ratings-differ", path, found=found)
            rating = ratings.pop() if len(ratings) == 1 else None
            update = {"student": student, "rating": rating, "comment": "\n".join(comments) or None}
            merged.append(same[0].model_copy(update=update))
        return tuple(merged)


def suggest_groups(entries: Iterable[SubmissionEntry], mentioned: Collection[str], issues: IssueCollector) -> None:
    """Warns of a submission `s1_s2@course` where tables and rosters have `s1` and `s2` but not `s1_s2`."""
    known = {local_part(each) for each in mentioned}
    for entry in entries:
        name = local_part(entry.name)
        parts = [part.strip() for part in _BETWEEN_MEMBERS.split(name) if part and part.strip()]
        if len(parts) > 1 and name not in known and known.issuperset(parts):
            found = f"the name of a group: {quoted_list(parts)} are students without a submission of their own"
            issues.warning("maybe-group", entry.where, found=found)
