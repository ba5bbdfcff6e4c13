"""Groups of equal and nearly equal answers in a lab, which a person may rate once."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

from sqlalchemy import select

from labs_schema.limits import PageLimits
from labs_schema.near_copies.groups import copy_groups
from labs_schema.near_copies.sketches import Shingles
from labs_schema.near_copies.source_tokens import behaviour_tokens, shingles
from serving.review.index import LabReview
from serving.review.items import ReviewItem
from serving.store.database import Database, select_in_batches
from serving.store.tables import contents, grades

BATCH = 100
"""Programs that are read from the store together."""


class AnswerGroup(NamedTuple):
    """At least two submissions. The programs of all are compared with the first one's; `equal`: all have its text."""

    items: tuple[ReviewItem, ...]
    equal: bool

    @property
    def leader(self) -> ReviewItem:
        return self.items[0]

    @property
    def waiting(self) -> int:
        return sum(item.waiting for item in self.items)


class AnswerGroups(NamedTuple):
    """`compared` of `programs` different texts were compared so far; the others are grouped by equal text only."""

    groups: tuple[AnswerGroup, ...]
    compared: int
    programs: int


class Copies:
    """The shingles of programs in memory, by hash of the program. Thread-safe."""

    def __init__(self, database: Database, limits: PageLimits | None = None) -> None:
        self._database, self._limits = database, limits or PageLimits()
        self._known: dict[str, Shingles | None] = {}
        self._bytes = 0
        self._lock = Lock()

    def groups(self, review: LabReview) -> AnswerGroups:
        """The groups of a lab, those with the most waiting criteria first. Compares programs for a limited time."""
        first: dict[str, list[ReviewItem]] = {}
        for item in review.items.values():
            if item.program:
                first.setdefault(item.program, []).append(item)
        with self._lock:
            self._compare(review, first)
            ready = [program for program in first if self._known.get(program) is not None]
            compared = sum(program in self._known for program in first)
            sets = [known for program in ready if (known := self._known[program]) is not None]
        near = [[ready[number] for number in each] for each in copy_groups(sets)]
        alone = [[program] for program in first if program not in set(ready)]
        found = [
            AnswerGroup(tuple(item for program in each for item in first[program]), len(each) == 1)
            for each in (*near, *alone)
        ]
        several = sorted((each for each in found if len(each.items) > 1), key=lambda each: -each.waiting)
        return AnswerGroups(tuple(several), compared, len(first))

    def _compare(self, review: LabReview, programs: Mapping[str, Sequence[ReviewItem]]) -> None:
        until = time.monotonic() + self._limits.grouping_seconds
        missing = {items[0].grade: program for program, items in programs.items() if program not in self._known}
        for grade, texts in self._texts(list(missing)):
            if time.monotonic() > until:
                return
            item = review.items[grade]
            self._known[missing[grade]] = self._shingles(texts, review.rubrics[item.rubric].language)

    def _shingles(self, texts: Sequence[str], language: str) -> Shingles | None:
        """None for a program that is not compared: too long, without tokens, or past the limit of memory."""
        if sum(map(len, texts)) > self._limits.grouped_chars or self._bytes > self._limits.grouped_bytes:
            return None
        found = shingles(texts, language, read=behaviour_tokens)
        self._bytes += found.nbytes
        return found if len(found) else None

    def _texts(self, ids: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """The texts of the files of each grade, a batch at a time."""
        query = select(grades.c.id, contents.c.document).join(contents, contents.c.hash == grades.c.submission)
        for start in range(0, len(ids), BATCH):
            with self._database.reading() as connection:
                rows = select_in_batches(connection, query, grades.c.id, ids[start : start + BATCH])
            for row in rows:
                yield row.id, [text for _, text in json.loads(row.document)]
