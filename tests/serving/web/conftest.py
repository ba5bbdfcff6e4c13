"""A course with a graded lab, without a model: the pages of TAs with keys of their own."""

from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.store.roles import Role
from serving.store.store import Store
from tests.harness.pages import Visitor, pages_app, record_lab, visitor


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


@pytest.fixture
def reviewed(store: Store, make_lab: Callable[..., Lab]) -> ReviewedLab:
    return ReviewedLab(store, make_lab())
