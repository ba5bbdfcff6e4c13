"""Second markings: a sample is drawn and rated at once, so that no rating is hidden from a TA in the next step."""

import json
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import select

from serving.review.index import ReviewIndex
from serving.review.team.team import Marking
from serving.store.review.tables import second_ratings
from serving.store.tables import contents
from tests.harness.review.site import TAS, Site

SHARE = "13"
"""Percent of the different programs: one of them."""


class Marked(NamedTuple):
    """A second marker's ratings by position of the criterion."""

    ta: str
    ratings: tuple[str, ...]
    comment: str


class SecondMarkings:
    """`marked`: student -> the ratings that must be stored, once."""

    def __init__(self, site: Site) -> None:
        self.site, self.marked = site, dict[int, Marked]()

    def draw(self, name: str) -> None:
        """A TA draws a sample, perhaps twice; the second marker rates what is new."""
        site = self.site
        page = site.form(site.of_lab(name, "/lab/assignments"), "/assignments/second")
        tas = {f"ta-{site.ids[each]}": "on" for each in TAS}
        seed = str(site.chance.randrange(1000))
        sent = replace(page, fields={**page.fields, "share": SHARE, "seed": seed, **tas})
        answers = {str(site.send(name, sent, kill=site.happens(0.2)).url), str(site.send(name, sent).url)}
        assert len(answers) == 1, answers
        review = ReviewIndex(site.store.database).lab(site.course, site.lab.name)
        for student, grade in enumerate(site.grades[-1]):
            marker = site.names.get(review.ta(review.items[grade], Marking.SECOND) or "")
            if marker and student not in self.marked:
                active = (each.ta for key, every in site.model.active.items() if key[0] == student for each in every)
                assert marker not in active
                self._rate(marker, student, grade)

    def _rate(self, marker: str, student: int, grade: str) -> None:
        site = self.site
        assert site.clients[marker].get(f"/app/grades/{grade}").url.path == f"/app/second-markings/{grade}"
        page = site.form(site.get(marker, f"/app/second-markings/{grade}"), f"/second-markings/{grade}")
        given = [site.chance.randrange(len(each.ratings)) for each in site.lab.criteria]
        texts = {f"rating-{position}": str(rating) for position, rating in enumerate(given)}
        comment = f"{marker} {site.number} second"
        sent = replace(page, fields={**page.fields, **texts, "comment": comment})
        assert site.send(marker, sent, kill=site.happens(0.4)).status_code == 200
        if site.happens(0.5):
            assert site.send(marker, sent).status_code == 200
        titles = tuple(each.ratings[rating].title for each, rating in zip(site.lab.criteria, given, strict=True))
        self.marked[student] = Marked(marker, titles, comment)
        site.counts["second markings"] += 1

    def compare(self) -> None:
        site = self.site
        student = {grade: each for ids in site.grades for each, grade in enumerate(ids)}
        query = select(second_ratings.c.grade, second_ratings.c.actor, contents.c.document).join(
            contents, contents.c.hash == second_ratings.c.content
        )
        with site.store.database.reading() as connection:
            rows = list(connection.execute(query))
        stored = {student[row.grade]: self._marked(site.names[row.actor], row.document) for row in rows}
        assert len(stored) == len(rows) and stored == self.marked, (stored, self.marked)

    def _marked(self, ta: str, document: str) -> Marked:
        texts = json.loads(document)
        return Marked(ta, tuple(texts["ratings"][each.title] for each in self.site.lab.criteria), texts["comment"])
