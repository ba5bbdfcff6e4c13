"""Actions of TAs on the page of a submission: stale pages, drafts, undo, forms sent twice or at once."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urljoin

import httpx

from tests.harness.browser.pages import Forms
from tests.harness.review.comparison import faults
from tests.harness.review.model import Key, OpenPage
from tests.harness.review.site import TAS, Site

ACTS = ("rate", "rate", "rate", "accept", "accept-all", "comment", "undo", "undo-last")


class SubmissionPages:
    """`pages`: those that each TA has open. `drafts`: comments that a browser stored, and the page of each."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.pages: dict[str, list[OpenPage]] = {name: [] for name in TAS}
        self.drafts: dict[tuple[str, Key], tuple[str, OpenPage]] = {}

    def open(self, name: str, student: int | None = None) -> OpenPage:
        """A TA opens a submission, also by the address of an earlier grade. Other open pages stay open."""
        site = self.site
        student = site.chance.choice(site.students) if student is None else student
        grade = site.chance.choice(site.grades[-2:])[student]
        page = self._page(student, site.get(name, f"/app/grades/{grade}"))
        for criterion in page.versions:
            key = student, criterion
            if draft := self.drafts.pop((name, key), None):  # restored as by drafts.js
                text, old = draft
                page = replace(page, fields={**page.fields, f"comment-{criterion}": text})
                if page.shown[criterion] != old.shown[criterion]:
                    page = page.of_revision(criterion, old)
                    site.counts["outdated drafts"] += 1
                site.counts["restored drafts"] += 1
        self.pages[name] = [*self.pages[name], page][-3:]
        return page

    def _page(self, student: int, response: httpx.Response) -> OpenPage:
        site = self.site
        form = site.form(response, "/grades/")
        keys = {c: (student, c) for c in range(len(site.lab.criteria))}
        page = replace(
            form,
            student=student,
            versions={c: site.model.version.get(key, 0) for c, key in keys.items()},
            shown={c: site.model.comment(key) for c, key in keys.items()},
            proposed=tuple(site.model.machine[key][0] for key in keys.values()),
        )
        assert page.typed == page.shown, (page.typed, page.shown)
        return page

    def read(self, name: str) -> None:
        """Opens a submission and leaves the page open."""
        self.open(name)

    def act(self, name: str) -> None:
        """Presses a button on an open page, which may be outdated."""
        site = self.site
        if not self.pages[name]:
            self.open(name)
        page = self._filled(site.chance.choice(self.pages[name]), name)
        if site.happens(0.7):  # else the page stays open, for the back button
            self.pages[name] = [each for each in self.pages[name] if each.action != page.action]
        response = self._send(name, page, kill=site.happens(0.04))
        if site.happens(0.15):  # a double click, a proxy's retry, the browser's reload
            self._send(name, page)
            site.counts["sent twice"] += 1
        if response.status_code == 409 and site.happens(0.6):
            self._apply_mine(name, page, response)

    def undo_all(self, name: str, key: Key) -> None:
        """Takes back steps until the criterion has no decision."""
        student, criterion = key
        while self.site.model.rating(key) is not None:
            page = self.open(name, student)
            self.pages[name].remove(page)
            self._send(name, page.filled(f"undo-{criterion}", {}))  # a conflict if an outdated draft was restored

    def _send(self, name: str, page: OpenPage, kill: bool = False) -> httpx.Response:
        """The form gets the status that the model expects."""
        self.site.touched.add(page.student)
        response, status = self.site.send(name, page, kill), self.site.model.submit(name, page)
        assert response.status_code == status, (response.status_code, status, page)
        self.site.counts[f"status {status}"] += 1
        return response

    def _filled(self, page: OpenPage, name: str, acts: Sequence[str] = ACTS) -> OpenPage:
        """Presses a random button after typing into no, one or all comment fields."""
        chance, criteria = self.site.chance, self.site.lab.criteria
        act, criterion = chance.choice(acts), chance.choice(list(page.versions))
        rating = chance.randrange(len(criteria[criterion].ratings))
        suffix = {"rate": f"-{criterion}-{rating}", "accept": f"-{criterion}", "undo": f"-{criterion}"}.get(act, "")
        chosen = chance.choice(([], [criterion], list(page.versions)))
        return page.filled(act + suffix, {f"comment-{each}": f"{name} {self.site.number} {each}" for each in chosen})

    def _apply_mine(self, name: str, page: OpenPage, response: httpx.Response) -> None:
        """On the page that shows both versions, the TA sends their own again."""
        model = self.site.model
        for html in re.findall(r"<form.*?</form>", response.text, re.DOTALL):
            [(action, fields)] = Forms(html).found
            criterion = next((int(each.removeprefix("revision-")) for each in fields if "revision-" in each), None)
            if criterion is None:
                continue
            key, act = (page.student, criterion), html.partition('name="act" value="')[2].partition('"')[0]
            mine = OpenPage(
                student=page.student,
                action=urljoin(str(response.url), action),
                fields={**fields, "act": act},
                versions={criterion: model.version.get(key, 0)},
                shown={criterion: model.comment(key)},
                proposed=page.proposed,
            )
            assert self._send(name, mine).status_code == 200, mine
            self.site.counts["applied after a conflict"] += 1

    def draft(self, name: str) -> None:
        """A TA types a comment and closes the page without sending it; the browser stores the text."""
        page = self.open(name)
        criterion = self.site.chance.choice(list(page.versions))
        self.drafts[name, (page.student, criterion)] = f"{name} {self.site.number} draft", page
        self.pages[name].remove(page)

    def race(self) -> None:
        """All TAs send a form about the same submission at the same moment; some order must explain what happened."""
        site = self.site
        student = site.chance.choice(site.students)
        site.touched.add(student)
        opened = {name: self.open(name, student) for name in TAS}
        sent = {name: self._filled(page, name, ("rate", "accept", "comment", "undo")) for name, page in opened.items()}
        answers = site.at_once(sent, kill=site.happens(0.15))
        for name in TAS:
            self.pages[name].clear()
        for order in itertools.permutations(TAS):
            tried = site.model.copy()
            if all(tried.submit(name, sent[name]) == answers[name] for name in order) and not faults(
                site, tried, [student]
            ):
                site.model = tried
                return
        raise AssertionError(f"no order explains {answers} of {sent}: {faults(site, site.model)}")
