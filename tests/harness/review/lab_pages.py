"""Actions of TAs on many submissions at once, and of programs with a TA's key."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from serving.store.grades.overrides import Action
from tests.harness.review.model import Entry, GroupForm, Key, OpenPage
from tests.harness.review.site import TAS, Site


class OpenGroup(NamedTuple):
    """The page of a group that a TA has open, with the versions and the current grades when it was opened."""

    page: OpenPage
    versions: Mapping[Key, int]
    grades: list[str]


class LabPages:
    """`meanwhile`: something that may happen between opening a page and sending its form. `groups`: open pages by TA.
    `steps`: stored request of a group's form -> that of the model."""

    def __init__(self, site: Site, meanwhile: Callable[[], None]) -> None:
        self.site, self._meanwhile = site, meanwhile
        self.groups: dict[str, list[OpenGroup]] = {name: [] for name in TAS}
        self.steps: dict[str, str] = {}

    def bulk(self, name: str) -> None:
        """Accepts all that the calibration accepted, from a list that may be outdated, or takes such a step back."""
        site, listed = self.site, self.site.of_lab(name, "/lab")
        found = [*site.forms(listed, "/lab/accept"), *site.forms(listed, "/lab/undo")]
        if not found:
            return
        page, seen = site.chance.choice(found), dict(site.model.version)
        if site.happens(0.5):
            self._meanwhile()
        assert site.send(name, page, kill=site.happens(0.2)).status_code == 200
        if page.action.endswith("/accept"):
            site.model.accept_many(name, page.fields["request"], seen)
        else:
            site.model.undo_many(name, page.fields["request"], page.fields["step"])
        if site.happens(0.3):
            assert site.send(name, page).status_code == 200
        site.touched.update(site.students)

    def override(self, name: str) -> None:
        """A program with a TA's key sets a rating without knowing a revision."""
        site = self.site
        student, criterion = site.chance.choice(site.students), site.chance.randrange(len(site.lab.criteria))
        each = site.lab.criteria[criterion]
        rating = site.chance.choice(each.ratings).title
        why = site.chance.choice(("", f"{name} {site.number} API"))
        response = site.clients[name].post(
            f"/grades/{site.grades[-1][student]}/overrides",
            json={"criterion": each.title, "rating": rating, "why": why},
            headers={"Authorization": f"Bearer {site.tokens[name]}", "Idempotency-Key": f"key-{site.number}"},
        )
        assert response.status_code == 201, response.text
        records = site.store.read_history(site.grades[-1][student]).overrides
        request = next(r.request for r in records if r.id == response.json()["id"])
        site.touched.add(student)
        site.model.add((student, criterion), Entry(request, name, Action.RATE, rating, why, of_page=False))

    def group(self, name: str) -> None:
        """Rates some members of a group of equal answers from a page that may be outdated, or undoes such a step."""
        site = self.site
        listed = site.of_lab(name, "/lab/groups")
        undone = site.forms(listed, "/lab/undo")
        if undone and site.happens(0.25):
            page = site.chance.choice(undone)
            assert site.send(name, page, kill=site.happens(0.2)).status_code == 200
            site.model.undo_many(name, page.fields["request"], self.steps[page.fields["step"]])
            site.touched.update(site.students)
            site.counts["undone groups"] += 1
            return
        if not self.groups[name] or site.happens(0.6):
            self.groups[name].append(self._open(name, listed.text))
        if site.happens(0.4):
            self._meanwhile()
        opened = site.chance.choice(self.groups[name])
        if site.happens(0.7):  # else the page stays open, for the back button
            self.groups[name] = []
        self._rate(name, opened)

    def _open(self, name: str, listed: str) -> OpenGroup:
        site = self.site
        grade = site.chance.choice(re.findall(r"/lab/groups/([0-9a-f]{32})", listed))
        page = site.form(site.of_lab(name, f"/lab/groups/{grade}"), f"/lab/groups/{grade}")
        return OpenGroup(page, dict(site.model.version), site.grades[-1])

    def _rate(self, name: str, opened: OpenGroup) -> None:
        """Sends the form for a random part of the members, sometimes twice."""
        site, page = self.site, opened.page
        criterion = site.chance.randrange(len(site.lab.criteria))
        rating = site.chance.randrange(len(site.lab.criteria[criterion].ratings))
        members = [each for each in page.fields if each.startswith("member-")]
        left_out = {each for each in members[1:] if site.happens(0.3)}
        comment = site.chance.choice(("", f"{name} {site.number} group"))
        chosen = {field: value for field, value in page.fields.items() if field not in left_out}
        sent = replace(page, fields={**chosen, "act": f"rate-{criterion}-{rating}", "comment": comment})
        grades = [each.removeprefix("member-") for each in members if each not in left_out]
        form = GroupForm(
            request=f"{page.fields['request']} {sorted(sent.fields.items())}",
            criterion=criterion,
            rating=site.lab.criteria[criterion].ratings[rating].title,
            comment=comment,
            versions={student: opened.versions[student, criterion] for student in map(opened.grades.index, grades)},
        )
        leader = page.action.rpartition("/")[2]
        graded_again = not {leader, *grades} <= set(site.grades[-1])
        response = site.send(name, sent, kill=site.happens(0.15))
        status = 409 if graded_again and not self._is_recorded(form) else site.model.rate_group(name, form)
        assert response.status_code == status, (response.status_code, status, sent)
        site.counts[f"groups {status}"] += 1
        if site.happens(0.3):
            assert site.send(name, sent).status_code == status
        site.touched.update(form.versions)
        self._note_step(grades, page.fields["request"], form)

    def _is_recorded(self, form: GroupForm) -> bool:
        return any(request == form.request for request, _ in self.site.model.records)

    def _note_step(self, grades: list[str], request: str, form: GroupForm) -> None:
        """The stored request of a form that was just recorded, which a page has to take the step back."""
        for grade in grades:
            for record in self.site.store.read_history(grade).records:
                if record.request.startswith(request):
                    self.steps.setdefault(record.request, form.request)
