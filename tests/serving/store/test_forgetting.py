"""Forgotten students leave all rows, SQLite's file and its WAL; the audit log still verifies."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from serving.store.grades.regrade_requests import RegradeRequests
from serving.store.store import Store, open_store
from serving.store.tables import metadata

COMPILES = "Does it compile?"
PLANTED = ("ZEBRA-ID", "ZEBRA-CODE", "ZEBRA-REASON", "ZEBRA-WHY", "ZEBRA-ANSWER", "ZEBRA-BODY", "ZEBRA-REQUEST")


def plant(store: Store, hand: Any, student: str, mark: str) -> None:
    """Stores everything the store can hold about a student, each with `mark`; enough to fill many pages."""
    someone = store.pseudonym_for("cs101", student, actor="api")
    code = f"// {mark}-CODE\n" * 400
    for request in ("r1", "r2"):
        grade_id = hand.grade(store, someone, request=request, text=code, reasoning=f"{mark}-REASON " * 200)
        store.record_override(grade_id, COMPILES, "B", f"{mark}-WHY", request="o1", actor="ta1")
    requests = RegradeRequests(store.database)
    made = requests.submit(grade_id, COMPILES, f"{mark}-REQUEST", request="q1", actor="moodle")
    requests.answer(made.id, "A", f"{mark}-ANSWER", request="q2", actor="ta1")
    claim = store.claims.take("key1 /grade", f"{mark}-KEY", f"{mark}-BODY", student=someone)
    store.claims.record_answer(claim, f"{mark}-ANSWER")


def rows_with(store: Store, mark: str) -> list[str]:
    """The tables that contain `mark` in any column."""
    found = []
    with store.database.reading() as connection:
        for table in metadata.sorted_tables:
            if any(mark in str(value) for row in connection.execute(table.select()) for value in row):
                found.append(table.name)
    return found


def test_no_row_names_a_forgotten_student(store: Store, hand: Any) -> None:
    plant(store, hand, "ZEBRA-ID", "ZEBRA")
    plant(store, hand, "s2", "HORSE")
    assert rows_with(store, "ZEBRA") == ["students", "contents", "idempotency"]
    with store.database.reading() as connection:
        ids = connection.execute(text("SELECT submission FROM grades")).scalars().all()
    forgotten = store.forget_student("ZEBRA-ID", actor="admin")
    assert (forgotten.students, forgotten.records, forgotten.scrubbed) == (1, 7, True)
    assert rows_with(store, "ZEBRA") == []
    assert rows_with(store, "HORSE") == ["contents", "idempotency"]
    report = store.verify()
    assert report.faults == ()
    assert store.forget_student("ZEBRA-ID", actor="admin").students == 0
    with store.database.reading() as connection:
        assert connection.execute(text("SELECT submission FROM grades")).scalars().all() == ids


def test_remaining_hashes_cannot_be_guessed(store: Store, hand: Any) -> None:
    from labs_schema.hashes import canonical_hash, submission_hash

    someone = store.pseudonym_for("cs101", "s1", actor="api")
    work = hand.written_by(someone)
    hand.grade(store, someone)
    grade = hand.graded(hand.lab, work)
    store.forget_student("s1", actor="admin")
    guesses = [submission_hash(work), canonical_hash(grade.model_dump(mode="json")), canonical_hash("s1")]
    guesses += [canonical_hash(grade.provenance.model_dump()), canonical_hash(["cs101", "s1"])]
    assert [rows_with(store, guess) for guess in guesses] == [[]] * len(guesses)


def test_forgetting_in_one_course(store: Store, hand: Any) -> None:
    courses = {name: store.pseudonym_for(name, "s1", actor="api") for name in ("cs101", "cs102")}
    for pseudonym in courses.values():
        hand.grade(store, pseudonym)
    assert store.forget_student("s1", "cs101", actor="admin").students == 1
    assert [store.read_student(each).student for each in courses.values()] == [None, "s1"]
    assert store.forget_student("s1", actor="admin").students == 1


def test_inactive_students_are_forgotten(new_url: Any, hand: Any) -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    store = open_store(new_url(), lambda: day)
    old, active, elsewhere = (
        store.pseudonym_for(course, name, actor="api") for course, name in (("c", "s1"), ("c", "s2"), ("d", "s1"))
    )
    for pseudonym in (old, active, elsewhere):
        hand.grade(store, pseudonym)
    day += timedelta(days=300)
    hand.grade(store, active, request="r2")
    day += timedelta(days=100)
    assert store.list_inactive_students(day - timedelta(days=365), "c") == ["s1"]
    assert store.forget_inactive_students(day - timedelta(days=365), "c", actor="admin").students == 1
    assert [store.read_student(each).student is None for each in (old, active, elsewhere)] == [True, False, False]
    assert store.forget_inactive_students(day - timedelta(days=365), "c", actor="admin").students == 0
    assert store.verify().faults == ()
    store.close()


def test_exports_are_listed_by_their_last_course(new_url: Any, tmp_path: Path) -> None:
    store = open_store(new_url())
    for course, name in (("c", "one"), ("d", "two"), ("c", "three"), ("d", "three")):
        store.record_export(course, tmp_path / name)
    with store.database.writing() as connection:
        connection.execute(text("UPDATE exports SET course = NULL WHERE path LIKE '%two'"))
    found = {course: {each.path.name for each in store.list_exports(course)} for course in ("c", "d", None)}
    assert found == {"c": {"one", "two"}, "d": {"two", "three"}, None: {"one", "two", "three"}}
    store.close()


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_no_byte_remains_in_sqlite_file_and_wal(tmp_path: Path, hand: Any) -> None:
    (tmp_path / "store").mkdir()
    store = open_store(f"sqlite:///{tmp_path}/store/grader.db")
    for number in range(5):
        plant(store, hand, f"s{number}", "HORSE")
    plant(store, hand, "ZEBRA-ID", "ZEBRA")
    assert all(mark.encode() in bytes_in(tmp_path / "store") for mark in PLANTED)
    assert store.forget_student("ZEBRA-ID", actor="admin").scrubbed
    left = bytes_in(tmp_path / "store")
    assert b"ZEBRA" not in left and b"HORSE" in left
    assert store.verify().faults == ()
    store.close()
    assert b"ZEBRA" not in bytes_in(tmp_path / "store")


def test_open_reader_of_old_pages_is_reported(tmp_path: Path, hand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.store.database.PRAGMAS", {**_pragmas(), "busy_timeout": 50})
    store = open_store(f"sqlite:///{tmp_path}/grader.db")
    plant(store, hand, "ZEBRA-ID", "ZEBRA")
    reader = sqlite3.connect(tmp_path / "grader.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM contents").fetchall()
    assert not store.forget_student("ZEBRA-ID", actor="admin").scrubbed
    reader.execute("COMMIT")
    assert store.forget_student("ZEBRA-ID", actor="admin").scrubbed
    assert b"ZEBRA" not in (tmp_path / "grader.db").read_bytes() + (tmp_path / "grader.db-wal").read_bytes()
    reader.close()
    store.close()


def _pragmas() -> dict[str, object]:
    from serving.store.database import PRAGMAS

    return dict(PRAGMAS)
