"""A course with a graded lab, without a model: the pages of TAs with keys of their own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.store.access.roles import Role
from serving.store.store import Store, open_store
from tests.harness.browser.chromium import chromium
from tests.harness.browser.pages import Forms, Visitor, pages_app, record_lab, visitor
from tests.harness.browser.review_browser import Service

FIRST, SECOND = "Does it compile?", "Is it readable?"


class ReviewedLab:
    """`grades`: ids in the order of the lab's submissions. `ta()` gives the browser of another TA."""

    def __init__(self, store: Store, lab: Lab, **options: Any) -> None:
        self.store, self.lab = store, lab
        store.create_key("platform", Role.PLATFORM, None, actor="test")
        self.grades = record_lab(store, lab, **options)
        self.app = pages_app(store, blind_share=0.0)

    def ta(self, name: str = "ta") -> Visitor:
        return visitor(self.app, self.store, name=name)

    def ratings(self, number: int = 0) -> dict[str, str | None]:
        return self.store.read_history(self.grades[number]).ratings


def other(lab: Lab, criterion: int, rating: str | None) -> int:
    """The position of a rating that is not `rating`."""
    return next(i for i, each in enumerate(lab.criteria[criterion].ratings) if each.title != rating)


def fields(page: Visitor) -> dict[str, str]:
    """Those of the form for decisions."""
    return next(given for action, given in Forms(page.page.text).found if "/grades/" in action)


@pytest.fixture
def reviewed(store: Store, make_lab: Callable[..., Lab]) -> ReviewedLab:
    return ReviewedLab(store, make_lab())


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One for each file: while Playwright runs, no test in this process could call `asyncio.run`."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def start(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Service]]:
    services: list[Service] = []

    def start(*labs: Lab, **options: Any) -> Service:
        store = open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db")
        for lab in labs:
            record_lab(store, lab, accept=0.85)
        services.append(Service(browser, store, **({"blind_share": 0.0} | options)))
        return services[-1]

    yield start
    for each in services:
        each.close()
        each.store.close()
        assert each.errors == []
