"""Records people's choices on criteria. A choice made from an outdated page is recorded as a conflict."""

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select

from labs_schema.frozen import Frozen
from labs_schema.models import Criterion
from serving.store.contents import Content, make_content, store_contents
from serving.store.database import select_in_batches
from serving.store.errors import ForgottenError, UnknownError
from serving.store.grades.grades import read_lab
from serving.store.grades.overrides import Action, Decision, StoredOverride, decision, read_lab_overrides
from serving.store.ledger import Detail, Ledger, printable_name
from serving.store.students import is_anonymous, read_secrets
from serving.store.tables import contents, grades, overrides, students

Work = tuple[str, str]
"""Pseudonym and keyed hash of the submission."""


class Choice(Frozen):
    """A person's choice on a criterion of a grade. `rating` is for `rate` and `accept`, `undone` for `undo`.

    `revision`: that of the criterion on the person's page (`Outcome.revision`); None records the choice in any case.
    """

    grade: str
    criterion: str
    action: Action = Action.RATE
    rating: str | None = None
    comment: str = ""
    revision: int | None = None
    blind: bool = False
    shown_at: str | None = None
    undone: str | None = None


class Outcome(Frozen):
    """`record`: the stored record; of the action `conflict` if the criterion had another revision. `now`: the decision
    after it, `revision` its revision."""

    record: StoredOverride
    now: Decision
    revision: int

    @property
    def conflict(self) -> bool:
        return self.record.action is Action.CONFLICT


class _Target(NamedTuple):
    """A grade that choices are about. `ratings`: criterion title -> the model's rating."""

    row: Row[Any]
    secret: str
    ratings: Mapping[str, str | None]
    criteria: tuple[Criterion, ...]


def record_choices(
    ledger: Ledger,
    choices: Sequence[Choice],
    *,
    members: Mapping[str, Sequence[str]],
    request: str,
    actor: str,
) -> list[Outcome]:
    """See `Store.record_choices`."""
    return _Recording(ledger, choices, members, printable_name(request), actor).run(choices)


class _Recording:
    """One transaction's choices. Reads everything in a few queries, as a choice may be about thousands of grades."""

    def __init__(
        self,
        ledger: Ledger,
        choices: Sequence[Choice],
        members: Mapping[str, Sequence[str]],
        request: str,
        actor: str,
    ) -> None:
        self._ledger, self._members, self._request, self._actor = ledger, members, request, actor
        ids = [each.grade for each in choices] + [id_ for others in members.values() for id_ in others]
        self._targets = _read_targets(ledger.connection, list(dict.fromkeys(ids)))
        self._records: dict[Work, list[StoredOverride]] = {}
        by_lab: dict[str, set[str]] = {}
        for target in self._targets.values():
            by_lab.setdefault(target.row.lab, set()).add(target.row.student)
        for lab, pseudonyms in by_lab.items():
            self._records |= read_lab_overrides(ledger.connection, lab, sorted(pseudonyms))
        self._last = _last_grades(ledger.connection, self._targets.values())
        self._contents: list[Content] = []
        self._rows: list[Detail] = []

    def run(self, choices: Sequence[Choice]) -> list[Outcome]:
        outcomes = [self._choose(each) for each in choices]
        store_contents(self._ledger.connection, self._contents)
        if self._rows:
            self._ledger.connection.execute(insert(overrides), self._rows)
        return outcomes

    def _choose(self, choice: Choice) -> Outcome:
        target = self._targets.get(choice.grade)
        if target is None:
            raise ForgottenError(f"The student of grade {choice.grade} was forgotten; there is nothing to decide.")
        _check(choice, target.criteria)
        records = self._of(target)
        before = decision(each for each in records if each.criterion == choice.criterion)
        revision = self._revision(target, before)
        known = [
            r for r in records if (r.request, r.grade, r.criterion) == (self._request, choice.grade, choice.criterion)
        ]
        if known and (choice.revision is None or _is_same(known[0], choice)):
            return Outcome(record=known[0], now=before, revision=revision)
        outdated = bool(known) or choice.revision not in (None, revision)
        # The request already has a record if its form was sent again with another choice.
        request = f"{self._request} {secrets.token_hex(4)}" if known else self._request
        record = self._append(target, choice, before, Action.CONFLICT if outdated else choice.action, request)
        if not outdated:
            self._append_for_members(choice, before, record)
        now = decision(each for each in records if each.criterion == choice.criterion)
        return Outcome(record=record, now=now, revision=self._revision(target, now))

    def _append_for_members(self, choice: Choice, before: Decision, record: StoredOverride) -> None:
        """Members of a group who had another decision than the group keep their own."""
        for member in self._members.get(choice.grade, ()):
            target = self._targets.get(member)
            if target is None or choice.criterion not in target.ratings:
                continue
            theirs = decision(each for each in self._of(target) if each.criterion == choice.criterion)
            if choice.revision is not None and (theirs.rating, theirs.comment) != (before.rating, before.comment):
                continue
            undone = next((each for each in before.active if each.id == choice.undone), None)
            same = [each.id for each in theirs.active if undone and each.request == undone.request]
            if choice.action is Action.UNDO and not same:
                continue
            own = choice.model_copy(update={"undone": same[0] if same else None})
            self._append(target, own, theirs, record.action, record.request)

    def _append(
        self, target: _Target, choice: Choice, before: Decision, action: Action, request: str
    ) -> StoredOverride:
        old = before.rating or target.ratings.get(choice.criterion)
        texts = {"grade": target.row.id, "criterion": choice.criterion, "old": old, "new": None, "why": choice.comment}
        texts |= {"new": choice.rating if action is not Action.COMMENT else old}
        if action is Action.UNDO:
            left = decision(each for each in before.active if each.id != choice.undone)
            texts["new"] = left.rating or target.ratings.get(choice.criterion)
        if action is not Action.RATE:
            texts["action"] = action.value
        more: dict[str, Any] = {"blind": choice.blind, "shown_at": choice.shown_at, "undone": choice.undone}
        content = make_content(
            target.row.student, target.secret, texts | {name: value for name, value in more.items() if value}
        )
        position = [each.title for each in target.criteria].index(choice.criterion)
        row = self._ledger.new_row(
            self._actor, request=request, grade=target.row.id, position=position, content=content.hash
        )
        self._contents.append(content)
        self._rows.append(row)
        self._ledger.append("override", self._actor, row)
        named = {name: row[name] for name in ("id", "seq", "at", "actor", "request")}
        record = StoredOverride.model_validate({**named, **texts, **more})
        self._of(target).append(record)
        return record

    def _of(self, target: _Target) -> list[StoredOverride]:
        return self._records.setdefault((target.row.student, target.row.submission), [])

    def _revision(self, target: _Target, now: Decision) -> int:
        return max(self._last[target.row.id], now.seq)


def _is_same(record: StoredOverride, choice: Choice) -> bool:
    """Whether a request that was sent again asks for the same."""
    rating = record.new if choice.action in (Action.RATE, Action.ACCEPT) else choice.rating
    return record.action in (choice.action, Action.CONFLICT) and (rating, record.why) == (choice.rating, choice.comment)


def _check(choice: Choice, criteria: tuple[Criterion, ...]) -> None:
    """Raises UnknownError for an unknown criterion or rating."""
    found = next((each for each in criteria if each.title == choice.criterion), None)
    titles = [each.title for each in (found.ratings if found else criteria)]
    rated = choice.action in (Action.RATE, Action.ACCEPT)
    if found is None or (rated and choice.rating not in titles):
        kind = f"rating of {choice.criterion!r}" if found else "criterion"
        allowed = ", ".join(map(repr, titles))
        raise UnknownError(f"The rubric of this grade has no such {kind}. Expected one of {allowed}.")


def _read_targets(connection: Connection, ids: Sequence[str]) -> dict[str, _Target]:
    """Grade id -> target, without those of forgotten students. Raises UnknownError for an unknown grade."""
    query = (
        select(grades, contents.c.document, students.c.student.label("name"))
        .join(students, students.c.pseudonym == grades.c.student)
        .outerjoin(contents, contents.c.hash == grades.c.content)
    )
    rows = select_in_batches(connection, query, grades.c.id, ids)
    if missing := set(ids) - {row.id for row in rows}:
        raise UnknownError(f"The store has no grade {min(missing)!r}.")
    known = read_secrets(connection, list({row.student for row in rows}))
    rubrics = {version: read_lab(connection, version).criteria for version in {row.rubric for row in rows}}
    return {
        row.id: _Target(row, secret, _ratings(row.document), rubrics[row.rubric])
        for row in rows
        if row.document is not None and (secret := known[row.student]) is not None
    }


def _ratings(document: str) -> dict[str, str | None]:
    return {each["criterion"]: each["rating"] for each in json.loads(document)["criteria"]}


def _last_grades(connection: Connection, targets: Any) -> dict[str, int]:
    """Grade id -> number of the audit entry of the newest grade of the same student and lab.

    Anonymous work has one pseudonym for many submissions, so there only grades of the same files count.
    """
    every = list(targets)
    query = select(grades.c.student, grades.c.lab, grades.c.submission, func.max(grades.c.seq).label("last")).group_by(
        grades.c.student, grades.c.lab, grades.c.submission
    )
    rows = select_in_batches(connection, query, grades.c.student, sorted({each.row.student for each in every}))
    by_work: dict[tuple[str, str, str], int] = {(row.student, row.lab, row.submission): row.last for row in rows}
    by_lab: dict[tuple[str, str], int] = {}
    for (student, lab, _), last in by_work.items():
        by_lab[student, lab] = max(last, by_lab.get((student, lab), 0))
    return {
        row.id: by_work[row.student, row.lab, row.submission]
        if is_anonymous(row.name)
        else by_lab[row.student, row.lab]
        for row in (each.row for each in every)
    }
