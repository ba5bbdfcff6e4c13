"""Ratings without sight of the model's: hidden until chosen, and counted as agreement."""

from collections.abc import Callable
from typing import Any

from labs_schema.models import Lab
from serving.review.index import ReviewIndex
from serving.review.statistics import statistics
from serving.store.access.roles import Role
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, pages_app, record_lab, visitor
from tests.serving.web.conftest import FIRST, other

Reviewed = Any


def test_a_hidden_rating_is_nowhere_on_the_page_until_chosen(store: Store, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=1)
    store.create_key("x", Role.TA, None, actor="test")
    [grade] = record_lab(store, lab)
    ta = visitor(pages_app(store, blind_share=1.0), store)
    for path in (f"grades/{grade}", "lab?course=cs101&lab=lab1"):
        page = ta.open(path).text
        assert not any(sign in page for sign in ("<meter", 'value="accept', "proposed", "probability")), path
    assert ">0 submissions<" in ta.open("lab?course=cs101&lab=lab1&show=all&rating=A").text
    ta.open(f"grades/{grade}")
    assert ta.submit("grades/", act="accept-0").status_code == 422
    ta.open(f"grades/{grade}")
    page = ta.submit("grades/", act="rate-0-0")
    assert page.text.count("<meter") == 3  # the other criterion is still hidden
    record = store.read_history(grade).overrides[0]
    assert record.blind and record.shown_at
    ta.submit("grades/", act="undo-0")
    ta.submit("grades/", act="rate-0-1")
    assert not store.read_history(grade).overrides[-1].blind


def test_agreement_counts_first_blind_decisions_only(store: Store, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=6)
    store.create_key("x", Role.TA, None, actor="test")
    grades = record_lab(store, lab)
    for share, number in ((1.0, 0), (1.0, 1), (0.0, 2)):
        ta = visitor(pages_app(store, blind_share=share), store)
        machine = store.read_history(grades[number]).ratings[FIRST]
        chosen = other(lab, 0, machine) if number == 1 else "ABC".index(machine or "A")
        ta.open(f"grades/{grades[number]}")
        ta.submit("grades/", act=f"rate-0-{chosen}")
    found = statistics(ReviewIndex(store.database).lab(COURSE, "lab1"))
    assert (found.blind.decisions, found.blind.share.value, found.seen.decisions) == (2, 0.5, 1)
    assert found.gap.value == 0.5 and found.timed == 3


def test_blind_mode_is_the_visitors_own_choice(reviewed: Reviewed) -> None:
    ta, other_ta = reviewed.ta(), reviewed.ta("other")
    ta.open("lab?course=cs101&lab=lab1")
    ta.submit("blind")
    assert "<meter" not in ta.open(f"grades/{reviewed.grades[0]}").text
    assert "<meter" in other_ta.open(f"grades/{reviewed.grades[0]}").text
    ta.submit("grades/", act="rate-0-0")
    assert reviewed.store.read_history(reviewed.grades[0]).overrides[0].blind
