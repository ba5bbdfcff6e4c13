"""Registrations of courses: append-only and audited."""

from collections.abc import Callable

import pytest
from sqlalchemy.exc import DBAPIError

from serving.courses.course_registry import CourseRegistry, ModelFacts, differences
from serving.courses.errors import UnknownCourseError
from serving.store.errors import BadNameError, StoreError
from serving.store.store import Store, open_store

FACTS = ModelFacts(
    base_model="Qwen/Coder",
    licence="Apache-2.0",
    model_hash="a" * 64,
    tokenizer_hash="b" * 64,
    prompt_hash="c" * 64,
    calibration_hash=None,
)


def test_last_registration_is_current(store: Store) -> None:
    registry = CourseRegistry(store.database)
    registry.add("cs101", "/runs/one", "/labs/cs101", FACTS, actor="me")
    registry.add("cs102", "/runs/two", None, FACTS, actor="me")
    again = registry.add("cs101", "/runs/three", "/labs/cs101", FACTS, actor="me")
    assert [(name, each.model) for name, each in registry.registered().items()] == [
        ("cs101", "/runs/three"),
        ("cs102", "/runs/two"),
    ]
    assert registry.registered()["cs101"] == again
    registry.remove("cs101", actor="me")
    assert list(registry.registered()) == ["cs102"]
    with pytest.raises(UnknownCourseError, match="courses list"):
        registry.remove("cs101", actor="me")
    assert store.verify().faults == () and store.verify().entries == 4


def test_unprintable_name_is_refused(store: Store) -> None:
    with pytest.raises(BadNameError):
        CourseRegistry(store.database).add("cs\n101", "/runs/one", None, FACTS, actor="me")
    assert CourseRegistry(store.database).registered() == {}


def test_database_refuses_changes_and_audit_finds_forced_ones(new_url: Callable[[], str]) -> None:
    store = open_store(new_url())
    registry = CourseRegistry(store.database)
    registry.add("cs101", "/runs/one", None, FACTS, actor="me")
    for change in ("UPDATE courses SET model = '/runs/evil'", "DELETE FROM courses"):
        with pytest.raises((DBAPIError, StoreError), match="refused"), store.database.writing() as connection:
            connection.exec_driver_sql(change)
    drop = "DROP TRIGGER courses_no_UPDATE"
    with store.database.writing() as connection:
        connection.exec_driver_sql(drop if store.database.dialect == "sqlite" else f"{drop} ON courses")
        connection.exec_driver_sql("UPDATE courses SET model_hash = 'd'")
    assert [(fault.entry, fault.code) for fault in store.verify().faults] == [(1, "row-changed")]
    store.close()


def test_differences_are_named() -> None:
    assert differences(FACTS, FACTS) == []
    found = FACTS.model_copy(update={"model_hash": "d", "calibration_hash": "e", "licence": "other"})
    assert differences(FACTS, found) == ["weights", "calibration"]
