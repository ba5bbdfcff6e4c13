"""Questions about the rubric that are answered once: the answer is applied or discarded, also while processes are
killed and TAs decide."""

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from labs_schema.grades import Status
from labs_schema.limits import PageLimits
from labs_schema.observations import EvidenceLine, Outcome
from labs_schema.reading.validate import load_lab
from serving.store.review.clarifications import Clarification, Clarifications, Event
from tests.harness.review.model import OpenPage
from tests.harness.review.site import TAS, Site
from tests.harness.review.submissions import SubmissionPages

FEW, MANY = 1, 4
"""Submissions whose decision on the criterion is taken back: without others, too few for a question, or enough."""


class AnsweredQuestions:
    """`open`: an answer that was neither applied nor discarded, and whose submissions were graded again."""

    def __init__(self, site: Site, submissions: SubmissionPages) -> None:
        self.site, self._submissions = site, submissions
        self._stored = Clarifications(site.store.database)
        self.open: Clarification | None = None
        self._checked = set[str]()

    def answer(self, name: str) -> None:
        """The model hesitates on a criterion, and a TA answers what that means for the rubric."""
        site = self.site
        criterion = site.chance.randrange(len(site.lab.criteria))
        for student in site.chance.sample(site.students, site.chance.choice((FEW, MANY, MANY))):
            self._submissions.undo_all(name, (student, criterion))
        site.regrade(**{f"c{criterion}": hesitation(site, criterion)})
        undecided = [each for each in site.students if site.model.rating((each, criterion)) is None]
        questions = site.forms(site.of_lab(name, "/lab/doubts"), "/lab/doubts")
        assert len(questions) == (len(undecided) >= PageLimits().doubt_submissions), (questions, undecided)
        if not questions:
            site.counts["no question"] += 1
            return
        [page] = questions
        text, scope = f"{name} {site.number} answers.", site.chance.choice(("these", "all"))
        sent = page.filled("", {"text": text, "scope": scope})
        addresses = {str(site.send(name, sent, kill=site.happens(0.3)).url)}
        if site.happens(0.5):
            addresses.add(str(site.send(name, sent).url))
        [found] = [each for each in self._stored.of_lab(site.course, site.lab.name) if each.text == text]
        assert [each.rpartition("/")[2] for each in addresses] == [found.id] and site.names[found.actor] == name
        assert sorted(found.grades) == sorted(site.grades[-1][each] for each in undecided)
        site.host.work(found.job)
        self.open = found
        site.counts["answers"] += 1

    def decide(self, name: str) -> None:
        """Applies or discards the open answer, or both at the same moment."""
        site, found = self.site, self.open
        if found is None:
            self.answer(name)
            return
        site.on_kill = lambda: self._count_state(found)
        is_current = set(found.grades) <= set(site.grades[-1])
        page = site.get(name, f"/app/clarifications/{found.id}")
        assert bool(site.forms(page, "/apply")) == is_current  # a page shows what is possible
        discard = site.form(page, "/discard")
        apply = replace(discard, action=discard.action.replace("/discard", "/apply"))
        if site.happens(0.2):
            other = site.chance.choice([each for each in TAS if each != name])
            forms = {name: apply, other: site.form(site.get(other, f"/app/clarifications/{found.id}"), "/discard")}
            answers = site.at_once(forms, kill=site.happens(0.3))
            applied = self._stored.read(found.id).last is Event.APPLIED
            assert sorted(answers.values()) == [200, 409], answers
            assert answers[name if applied else other] == 200 and (is_current or not applied)
            site.counts["applied and discarded at once"] += 1
        elif site.happens(0.2):
            assert site.send(name, discard, kill=site.happens(0.3)).status_code == 200
            assert site.send(name, apply).status_code == 409
        elif is_current and site.happens(0.7):
            self._overtake(name, found, apply, discard)
        else:
            for kill in (site.happens(0.6), site.happens(0.2)):
                response = site.send(name, apply, kill, within=0.4)
                assert response.status_code == (200 if is_current else 409), response.text[-2000:]
            assert site.send(name, discard).status_code == (409 if is_current else 200)
        self.open, site.on_kill = None, lambda: None
        if not self._is_checked(found):
            self._check(self._stored.read(found.id))

    def _overtake(self, name: str, found: Clarification, apply: OpenPage, discard: OpenPage) -> None:
        """The service dies while the answer is applied, and some submissions are graded again before a TA returns."""
        site = self.site
        site.interrupt(name, apply, 0.04, lambda: self._stored.read(found.id).last is not None)
        state = self._stored.read(found.id).last or "proposal"
        if self._stored.read(found.id).last is Event.APPLIED:
            self._check(self._stored.read(found.id))
        is_written = found.text in self._texts()
        newer = [each for each in site.students if site.happens(0.4)]
        site.regrade(newer)
        is_overtaken = any(site.grades[-2][each] in found.grades for each in newer)
        can_apply, can_discard = is_written or not is_overtaken, not is_written
        if self._is_checked(found):
            can_apply = can_discard = False
        page = site.get(name, f"/app/clarifications/{found.id}")
        shown = bool(site.forms(page, "/apply")), bool(site.forms(page, "/discard"))
        assert shown == (can_apply, can_discard), (shown, can_apply, can_discard)
        site.counts[f"overtaken {state} {'with' if is_written else 'without'} the text"] += bool(newer)
        if not can_discard:
            assert site.send(name, discard).status_code == 409
        is_applicable = can_apply or self._is_checked(found)
        for kill in (site.happens(0.5), False):
            assert site.send(name, apply, kill, within=0.4).status_code == (200 if is_applicable else 409)
        if not is_applicable:
            assert site.send(name, discard).status_code == 200
        if not self._is_checked(found):
            self._check(self._stored.read(found.id), set(newer))

    def _is_checked(self, found: Clarification) -> bool:
        return found.id in self._checked

    def _texts(self) -> list[str]:
        rubric = json.loads((self.site.host.folder / "rubrics.json").read_text())
        return [text for each in rubric for text in each.get("clarifications", ())]

    def _count_state(self, found: Clarification) -> None:
        state = self._stored.read(found.id).last
        stored = len(self.site.store.read_grades(found.id))
        adopted = "all" if stored == len(found.grades) else "some" if stored else "no"
        self.site.counts[f"killed at {state or 'proposal'} with {adopted} grades"] += 1

    def _check(self, found: Clarification, newer: Collection[int] = ()) -> None:
        """An applied answer is in the rubric once, and each concerned student without a `newer` grade has the proposed
        grade, once."""
        site, texts = self.site, self._texts()
        self._checked.add(found.id)
        assert found.last in (Event.APPLIED, Event.DISCARDED)
        applied = found.last is Event.APPLIED
        assert texts.count(found.text) == applied, (texts, found)
        site.counts[f"answers {found.last}"] += 1
        given = self._grades(found.id)
        assert applied or not given
        if applied:
            proposed = {each: grade for each, grade in self._grades(found.job).items() if each not in newer}
            assert given.keys() == proposed.keys() and all(
                [c.rating for c in given[student][1].criteria] == [c.rating for c in grade.criteria]
                for student, (_, grade) in proposed.items()
            )
            site.lab = load_lab(site.host.folder)
            site.graded({student: id_ for student, (id_, _) in given.items()})

    def _grades(self, request: str) -> dict[int, tuple[str, Any]]:
        """Student -> id and grade of a request."""
        site, found = self.site, self.site.store.read_grades(request)
        names = [each.student for each in site.lab.submissions]
        by_student = {
            names.index(str(site.store.read_student(each.student).student)): (each.id, each.grade) for each in found
        }
        assert len(by_student) == len(found)
        return by_student


def hesitation(site: Site, criterion: int) -> dict[str, Any]:
    """A criterion's grade between its first two ratings, with an outcome that all submissions share: two ratings alone
    raise no question."""
    first, second, *rest = [each.title for each in site.lab.criteria[criterion].ratings]
    return {
        "rating": first,
        "marks": site.lab.criteria[criterion].ratings[0].marks,
        "probabilities": {first: 0.5, second: 0.4, **dict.fromkeys(rest, 0.1 / max(1, len(rest)))},
        "confidence": 0.5,
        "status": Status.NEEDS_REVIEW,
        "review_reasons": ("low-confidence: 0.50 < 0.70",),
        "evidence": (EvidenceLine(check="build", outcome=Outcome.FAILED),),
    }
