"""Which model a course uses is history: added to, entered into the audit log, and refused to be changed."""

from collections.abc import Callable

import pytest
from sqlalchemy.exc import DBAPIError

from serving.courses.course_registry import CourseRegistry
from serving.courses.errors import UnknownCourseError
from serving.courses.registration import ModelFacts, differences
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


def test_the_last_word_about_a_course_counts(store: Store) -> None:
    book = CourseRegistry(store.database)
    book.add("cs101", "/runs/one", "/labs/cs101", FACTS, actor="me")
    book.add("cs102", "/runs/two", None, FACTS, actor="me")
    again = book.add("cs101", "/runs/three", "/labs/cs101", FACTS, actor="me")
    assert [(name, each.model) for name, each in book.registered().items()] == [
        ("cs101", "/runs/three"),
        ("cs102", "/runs/two"),
    ]
    assert book.registered()["cs101"] == again
    book.remove("cs101", actor="me")
    assert list(book.registered()) == ["cs102"]
    with pytest.raises(UnknownCourseError, match="courses list"):
        book.remove("cs101", actor="me")
    assert store.verify().faults == () and store.verify().entries == 4


def test_a_name_that_no_log_can_hold_is_refused(store: Store) -> None:
    with pytest.raises(BadNameError):
        CourseRegistry(store.database).add("cs\n101", "/runs/one", None, FACTS, actor="me")
    assert CourseRegistry(store.database).registered() == {}


def test_the_database_refuses_to_change_it_and_the_audit_finds_it_where_it_was(new_url: Callable[[], str]) -> None:
    store = open_store(new_url())
    book = CourseRegistry(store.database)
    book.add("cs101", "/runs/one", None, FACTS, actor="me")
    for change in ("UPDATE courses SET model = '/runs/evil'", "DELETE FROM courses"):
        with pytest.raises((DBAPIError, StoreError), match="refused"), store.database.writing() as connection:
            connection.exec_driver_sql(change)
    drop = "DROP TRIGGER courses_no_UPDATE"
    with store.database.writing() as connection:
        connection.exec_driver_sql(drop if store.database.dialect == "sqlite" else f"{drop} ON courses")
        connection.exec_driver_sql("UPDATE courses SET model_hash = 'd'")
    assert [(fault.entry, fault.code) for fault in store.verify().faults] == [(1, "row-changed")]
    store.close()


def test_what_differs_is_told_in_words() -> None:
    assert differences(FACTS, FACTS) == []
    found = FACTS.model_copy(update={"model_hash": "d", "calibration_hash": "e", "licence": "other"})
    assert differences(FACTS, found) == ["weights", "calibration"]
