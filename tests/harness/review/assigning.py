"""Assignments of submissions to TAs, from pages that may be outdated, against a model of the stored rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlalchemy import select

from serving.review.index import ReviewIndex
from serving.review.team.team import Marking
from serving.store.review.tables import assignments
from tests.harness.review.model import OpenPage
from tests.harness.review.site import TAS, Site


class Row(NamedTuple):
    """A stored assignment. `ta`: None if it was removed. `by`: the person who made it."""

    student: int
    ta: str | None
    by: str


@dataclass
class Assigned:
    """`rows`: all, in order. `requests`: student -> those that assigned the submission."""

    rows: list[Row] = field(default_factory=list)
    requests: dict[int, set[str]] = field(default_factory=dict)

    def ta(self, student: int) -> str | None:
        return next((each.ta for each in reversed(self.rows) if each.student == student), None)

    def changes(self, student: int) -> int:
        return sum(each.student == student for each in self.rows)

    def assign(self, by: str, request: str, given: Mapping[int, str | None], seen: Mapping[int, int]) -> int:
        """The number of submissions that someone else assigned after the page was opened, with `seen` changes."""
        conflicts = 0
        for student, ta in given.items():
            if request in self.requests.setdefault(student, set()):
                continue
            if seen[student] != self.changes(student):
                conflicts += ta != self.ta(student)
            elif ta != self.ta(student):
                self.rows.append(Row(student, ta, by))
                self.requests[student].add(request)
        return conflicts


class OpenAssignments(NamedTuple):
    """A page that a TA has open, with the number of changes of each submission and the grades when it was opened."""

    page: OpenPage
    changes: Mapping[int, int]
    grades: list[str]


class AssignmentPages:
    """`pages`: those that each TA has open."""

    def __init__(self, site: Site) -> None:
        self.site, self.model = site, Assigned()
        self.pages: dict[str, list[OpenAssignments]] = {name: [] for name in TAS}

    def assign(self, name: str) -> None:
        """Assigns some or all submissions to one TA, or removes their assignments; sometimes twice."""
        site = self.site
        if not self.pages[name] or site.happens(0.6):
            page = site.form(site.of_lab(name, "/lab/assignments"), "/assignments/first")
            changes = {each: self.model.changes(each) for each in site.students}
            self.pages[name].append(OpenAssignments(page, changes, site.grades[-1]))
        page, seen, shown = site.chance.choice(self.pages[name])
        if site.happens(0.5):  # else the page stays open, for the back button
            self.pages[name].clear()
        ta = site.chance.choice((None, *TAS))
        students = [each for each in site.students if site.happens(0.4)] or [0]
        chosen = {f"grade-{shown[each]}": "on" for each in students}
        act = {"act": "remove"} if ta is None else {"act": "assign", f"ta-{site.ids[ta]}": "on"}
        fields = {each: value for each, value in page.fields.items() if not each.startswith(("grade-", "ta-"))}
        sent = replace(page, fields={**fields, "scope": "selected", **chosen, **act})
        given = {each: ta for each in students if shown[each] in site.grades[-1]}
        request = f"{page.fields['request']} {sorted(sent.fields.items())}"
        response = site.send(name, sent, kill=site.happens(0.15))
        conflicts = self.model.assign(name, request, given, seen)
        self._check(response.url.params, len(given), conflicts)
        if site.happens(0.3):
            self._check(site.send(name, sent).url.params, len(given), conflicts)
        site.counts["assignment conflicts"] += conflicts

    def _check(self, shown: Mapping[str, str], given: int, conflicts: int) -> None:
        """The page states how many were assigned, and how many were not."""
        stated = int(shown.get("assigned_now", 0)), int(shown.get("conflicts", 0))
        assert stated == (given - conflicts, conflicts), (stated, given, conflicts)

    def compare(self) -> None:
        """The stored rows are those of the model, and lists show the current ones."""
        site = self.site
        student = {grade: each for ids in site.grades for each, grade in enumerate(ids)}
        columns = assignments.c.grade, assignments.c.ta, assignments.c.actor
        query = select(*columns).where(assignments.c.marking == Marking.FIRST).order_by(assignments.c.seq)
        with site.store.database.reading() as connection:
            stored = [
                Row(student[row.grade], site.names.get(row.ta), site.names[row.actor])
                for row in connection.execute(query)
            ]
        assert stored == self.model.rows, (stored, self.model.rows)
        review = ReviewIndex(site.store.database).lab(site.course, site.lab.name)
        current = {student[item.grade]: site.names.get(review.ta(item) or "") for item in review.items.values()}
        expected = {each: self.model.ta(each) for each in site.students}
        assert current == expected, (current, expected, review.assigned, self.model.rows)
