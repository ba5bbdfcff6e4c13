"""Labelling sessions for the review pages: fits heads in a thread of its own, so that no page waits for one."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Queue
from threading import Lock, Thread
from typing import Any

from grader.heads.base import HeadBase, open_base
from grader.heads.label_files import append_version, other_labs, read_versions
from grader.heads.session import LabelSession
from labs_schema.errors import GraderError
from labs_schema.grades import Grade
from labs_schema.hashes import canonical_hash
from labs_schema.limits import PageLimits, QueueLimits
from labs_schema.models import HumanGrade, Lab, Submission
from labs_schema.reading.validate import load_lab
from prompts.base_models import find_base
from serving.grading.grader import Grader
from serving.grading.retries import all_ungraded, grade_isolated, summary
from serving.model.loading import GraderOptions, load_grader
from serving.review.labelling.decided_ratings import decided_ratings, with_decisions
from serving.review.labelling.labelling import LabelState, LabPlace, Stage
from serving.review.labelling.proposed_grades import lab_folder, new_proposal, write_proposal
from serving.store.store import Store

log = logging.getLogger("grader.labels")
PROPOSED = 8
"""Programs proposed at a time: several TAs rate, and a rating may be faster than a fit."""


class LabelService:
    """See `serving.review.labelling.labelling.Labelling`. `model`: a base model's preset, folder or hub id."""

    def __init__(self, store: Store, model: str) -> None:
        self._store, self._model = store, model
        self._base: HeadBase | None = None
        self._states: dict[LabPlace, LabelState] = {}
        self._sessions: OrderedDict[LabPlace, tuple[object, LabelSession]] = OrderedDict()
        self._tasks: Queue[tuple[LabPlace, str | None]] = Queue()
        self._waiting: set[tuple[LabPlace, str | None]] = set()
        self._lock = Lock()
        # A daemon: the service must be able to stop in the middle of a fit, which loses nothing.
        Thread(target=self._run, name="labels", daemon=True).start()

    def state(self, place: LabPlace) -> LabelState:
        with self._lock:
            found = self._states.get(place)
        return found or LabelState(versions=tuple(read_versions(self._folder(place))))

    def refresh(self, place: LabPlace) -> None:
        self._add(place, None)

    def grade_rest(self, place: LabPlace, *, actor: str) -> None:
        self._add(place, actor)

    def _add(self, place: LabPlace, grading_for: str | None) -> None:
        """A task that waits already sees the newest ratings when it starts."""
        task = place, grading_for
        with self._lock:
            if task in self._waiting:
                return
            self._waiting.add(task)
            self._begin(place)
        self._tasks.put(task)

    def _run(self) -> None:
        while True:
            task = place, grading_for = self._tasks.get()
            with self._lock:
                self._waiting.discard(task)
                self._begin(place)
            try:
                session = self._fitted(place)
                if grading_for is not None:
                    self._grade(place, session, grading_for)
                self._end(place, Stage.READY)
            except GraderError as error:
                self._end(place, Stage.FAILED, str(error))
            except Exception as error:  # only its kind: the text may quote a program
                log.error("a labelling session failed: %s", type(error).__name__)
                self._end(place, Stage.FAILED, type(error).__name__)

    def _begin(self, place: LabPlace) -> None:
        if not self._states.get(place, LabelState()).busy:
            stage = Stage.FITTING if place in self._sessions else Stage.READING
            self._put(place, stage=stage, done=0, total=0, error="")

    def _end(self, place: LabPlace, stage: Stage, error: str = "") -> None:
        """If another task of the lab waits, the lab stays busy."""
        with self._lock:
            waits = any(waiting == place for waiting, _ in self._waiting)
            self._put(place, stage=Stage.FITTING if waits else stage, done=0, total=0, error=error)

    def _fitted(self, place: LabPlace) -> LabelSession:
        """The session with a head fitted on the current ratings."""
        session, is_new = self._session(place)
        out = self._folder(place)
        ratings = with_decisions(
            session.lab.ratings_by_student, decided_ratings(self._store, session.lab, place.course)[0]
        )
        if ratings == session.ratings and not is_new:
            return session
        self._set(place, stage=Stage.FITTING, done=0, total=0)
        session.ratings = ratings
        versions = read_versions(out)
        if session.can_fit:
            made = session.refit()
            last = versions[-1] if versions else None
            if last is None or (last.head_hash, last.ratings_hash) != (made.head_hash, made.ratings_hash):
                append_version(made, out)
                versions.append(made)
        proposals = tuple(session.proposals(PROPOSED))
        self._set(place, proposals=proposals, versions=tuple(versions), programs=len(session.submissions))
        return session

    def _session(self, place: LabPlace) -> tuple[LabelSession, bool]:
        """The open session, or a new one if the lab's files have changed; and whether it is new."""
        stamp = _stamp(place.folder)
        known, session = self._sessions.get(place, (None, None))
        if is_new := session is None or known != stamp:
            self._set(place, stage=Stage.READING, done=0, total=0)
            lab = load_lab(place.folder)
            every = (self._with_decisions(each, place.course) for each in other_labs(place.folder.parent, place.folder))
            others = [other for other in every if other.ratings_by_student]
            self._base = self._base or open_base(find_base(self._model), None)
            session = LabelSession(lab, others, self._base, progress=partial(self._report, place))
            self._base.states.close()
        self._sessions[place] = stamp, session
        self._sessions.move_to_end(place)
        while len(self._sessions) > PageLimits().label_sessions:
            closed, _ = self._sessions.popitem(last=False)
            with self._lock:
                self._states.pop(closed, None)
        assert session is not None
        return session, is_new

    def _with_decisions(self, lab: Lab, course: str) -> Lab:
        ratings = with_decisions(lab.ratings_by_student, decided_ratings(self._store, lab, course)[0])
        given = (
            HumanGrade(student=student, criterion=criterion, rating=rating)
            for student, theirs in ratings.items()
            for criterion, rating in theirs.items()
        )
        return lab.model_copy(update={"human_grades": tuple(given)})

    def _grade(self, place: LabPlace, session: LabelSession, actor: str) -> None:
        if session.head is None or self._base is None:
            raise GraderError("No rating to learn from: rate at least one program.", code="nothing-to-learn")
        from grader.heads.run import save_run  # imports the training libraries, for which no service waits at its start

        lab, total = session.lab, len(session.lab.submissions)
        self._set(place, stage=Stage.GRADING, done=0, total=total)
        run = save_run(session.head, self._base, self._folder(place))
        with closing(load_grader(str(run), GraderOptions())) as grader:
            grades = _grade_lab(grader, lab, lambda done: self._set(place, done=done))
        version = self.state(place).versions[-1]
        proposal = new_proposal(place.course, lab, str(run), version.head_hash, actor=actor, version=version)
        write_proposal(self._store, proposal, grades)

    def _report(self, place: LabPlace, _: str, done: int, total: int) -> None:
        self._set(place, done=done, total=total)

    def _set(self, place: LabPlace, **changes: Any) -> None:
        with self._lock:
            self._put(place, **changes)

    def _put(self, place: LabPlace, **changes: Any) -> None:
        known = self._states.get(place) or LabelState(versions=tuple(read_versions(self._folder(place))))
        self._states[place] = replace(known, **changes)

    def _folder(self, place: LabPlace) -> Path:
        return lab_folder(self._store, place.course, place.lab)


def _grade_lab(grader: Grader, lab: Lab, report: Callable[[int], None]) -> list[Grade]:
    """A grade of each submission; ungraded with the reason where grading fails."""
    grades, chunk = list[Grade](), QueueLimits().batch_submissions
    grade: Callable[[Sequence[Submission]], list[Grade]] = partial(grader.grade, lab)
    for start in range(0, len(lab.submissions), chunk):
        part = lab.submissions[start : start + chunk]
        for submission, outcome in zip(part, grade_isolated(grade, part), strict=True):
            if isinstance(outcome, Grade):
                grades.append(outcome)
            else:
                origin = grader.provenance(lab, submission)
                why = f"grading failed: {summary(outcome)}"
                grades.append(all_ungraded(lab.name, submission.student, lab.criteria, why, origin))
        report(min(start + chunk, len(lab.submissions)))
    return grades


def _stamp(folder: Path) -> str:
    """Changes with the files of the lab, and when a submission is added or removed."""
    return canonical_hash(sorted((each.name, each.stat().st_mtime_ns) for each in folder.iterdir()))
