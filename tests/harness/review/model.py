"""A model of the store after people reviewed a lab through its pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from labs_schema.models import Lab
from serving.store.grades.overrides import Action

Key = tuple[int, int]
"""Student and criterion, as positions in the lab."""


class Entry(NamedTuple):
    """A record. `request`: that of its form. `rating`: the chosen one, None for the other actions."""

    request: str
    ta: str
    action: Action
    rating: str | None
    comment: str
    of_page: bool = True


@dataclass(frozen=True)
class OpenPage:
    """A form that a TA has open. By criterion: `versions`, the `shown` comments at those versions, the `proposed`
    ratings. `fields` are what the browser would send to `action`."""

    student: int
    action: str
    fields: Mapping[str, str]
    versions: Mapping[int, int]
    shown: Mapping[int, str]
    proposed: tuple[str, ...]

    @property
    def typed(self) -> dict[int, str]:
        """The text in each comment field."""
        return {each: self.fields[f"comment-{each}"] for each in self.versions if f"comment-{each}" in self.fields}

    def filled(self, act: str, texts: Mapping[str, str]) -> Self:
        """The form when the TA presses the button `act` after typing `texts` into fields."""
        return replace(self, fields={**self.fields, **texts, "act": act})

    def of_revision(self, criterion: int, other: Self) -> Self:
        """With the revision that a criterion had on another page."""
        return replace(
            self,
            fields={**self.fields, f"revision-{criterion}": other.fields[f"revision-{criterion}"]},
            versions={**self.versions, criterion: other.versions[criterion]},
            shown={**self.shown, criterion: other.shown[criterion]},
        )


class GroupForm(NamedTuple):
    """The form that gives the members of a group of equal answers a rating. `versions`: student -> that of the
    criterion when the page was opened."""

    request: str
    criterion: int
    rating: str
    comment: str
    versions: Mapping[int, int]


@dataclass
class ReviewModel:
    """`active`: the records that count, `version`: counts the changes of a criterion and the regrades. `machine`: the
    rating of the current grade, and whether the calibration accepted it. `records`: everything that must be stored."""

    lab: Lab
    machine: dict[Key, tuple[str, bool]] = field(default_factory=dict)
    active: dict[Key, tuple[Entry, ...]] = field(default_factory=dict)
    version: dict[Key, int] = field(default_factory=dict)
    records: dict[tuple[str, Key], Entry] = field(default_factory=dict)

    def copy(self) -> Self:
        return replace(
            self,
            machine=dict(self.machine),
            active=dict(self.active),
            version=dict(self.version),
            records=dict(self.records),
        )

    def rating(self, key: Key) -> str | None:
        """A person's current rating."""
        return next((e.rating for e in reversed(self.active.get(key, ())) if e.rating is not None), None)

    def comment(self, key: Key) -> str:
        counted = (e.comment for e in reversed(self.active.get(key, ())) if e.of_page or e.comment)
        return next(counted, "")

    def regrade(self, machine: Mapping[Key, tuple[str, bool]]) -> None:
        for key, given in machine.items():
            self.machine[key] = given
            self.version[key] = self.version.get(key, 0) + 1

    def add(self, key: Key, entry: Entry, undone: Entry | None = None) -> None:
        """Records a choice that takes effect; `undone` is what it takes back."""
        left = tuple(each for each in self.active.get(key, ()) if each is not undone)
        self.active[key] = left if entry.action is Action.UNDO else (*left, entry)
        self.version[key] = self.version.get(key, 0) + 1
        self.records[entry.request, key] = entry

    def submit(self, ta: str, page: OpenPage) -> int:
        """The status that the page's form gets; repeating a form changes nothing."""
        request = f"{page.fields['request']} {page.fields['act']} {sorted(page.typed.items())}"
        given = [each for (name, _), each in self.records.items() if name == request]
        if given:
            return 409 if any(each.action is Action.CONFLICT for each in given) else 200
        choices = self._choices(ta, page)
        position = page.fields["act"].split("-")[1:2]
        if position and position[0].isdigit() and int(position[0]) not in choices:
            return 422
        conflict = False
        for criterion, (action, rating, undone) in choices.items():
            key = page.student, criterion
            outdated = page.versions[criterion] != self.version.get(key, 0)
            kind = Action.CONFLICT if outdated else action
            entry = Entry(request, ta, kind, rating, page.typed.get(criterion, page.shown[criterion]))
            conflict |= outdated
            if outdated:
                self.records[request, key] = entry
            else:
                self.add(key, entry, undone)
        return 409 if conflict else 200

    def _choices(self, ta: str, page: OpenPage) -> dict[int, tuple[Action, str | None, Entry | None]]:
        """Criterion -> action, rating and what an undo takes back."""
        act, *rest = page.fields["act"].split("-")
        position = int(rest[0]) if rest and rest[0].isdigit() else None
        mine = {c: self.active.get((page.student, c), ()) for c in range(len(self.lab.criteria))}
        last = self._last_form(ta, page.student)
        found: dict[int, tuple[Action, str | None, Entry | None]] = {}
        for criterion in page.versions:
            pressed, key = criterion == position, (page.student, criterion)
            outdated = page.versions[criterion] != self.version.get(key, 0)
            if act == "rate" and pressed:
                title = self.lab.criteria[criterion].ratings[int(rest[1])].title
                found[criterion] = Action.RATE, title, None
            elif act == "accept" and (pressed or (position is None and self.rating(key) is None)):
                found[criterion] = Action.ACCEPT, page.proposed[criterion], None
            elif act == "undo" and pressed and (mine[criterion] or outdated):
                found[criterion] = Action.UNDO, None, mine[criterion][-1] if mine[criterion] else None
            elif act == "undo" and position is None and (own := [e for e in mine[criterion] if e.request == last]):
                found[criterion] = Action.UNDO, None, own[0]
            elif page.typed.get(criterion, page.shown[criterion]) != page.shown[criterion]:
                found[criterion] = Action.COMMENT, None, None
        return found

    def _last_form(self, ta: str, student: int) -> str | None:
        """The request of the TA's last form on the student of which something is active."""
        order = {name: at for at, (name, _) in enumerate(self.records)}
        own = [
            each.request
            for criterion in range(len(self.lab.criteria))
            for each in self.active.get((student, criterion), ())
            if each.ta == ta
        ]
        return max(own, key=lambda name: order[name]) if own else None

    def rate_group(self, ta: str, form: GroupForm) -> int:
        """The status that the form of a group gets. An existing comment stays if the form has none."""
        if given := [each for (name, _), each in self.records.items() if name == form.request]:
            return 409 if any(each.action is Action.CONFLICT for each in given) else 200
        conflict = False
        for student, seen in form.versions.items():
            key = student, form.criterion
            outdated = seen != self.version.get(key, 0)
            kind = Action.CONFLICT if outdated else Action.RATE
            entry = Entry(form.request, ta, kind, form.rating, form.comment or self.comment(key))
            conflict |= outdated
            if outdated:
                self.records[form.request, key] = entry
            else:
                self.add(key, entry)
        return 409 if conflict else 200

    def accept_many(self, ta: str, request: str, seen: Mapping[Key, int]) -> None:
        """Accepts what the calibration accepted, as a list with the versions `seen` showed it."""
        for key, (rating, accepted) in self.machine.items():
            if accepted and self.rating(key) is None and seen.get(key, 0) == self.version.get(key, 0):
                self.add(key, Entry(request, ta, Action.ACCEPT, rating, "", of_page=False))

    def undo_many(self, ta: str, request: str, bulk: str) -> None:
        for key in self.machine:
            for each in self.active.get(key, ()):
                if each.request == bulk:
                    self.add(key, Entry(request, ta, Action.UNDO, None, ""), each)
