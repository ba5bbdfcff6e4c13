"""Verification finds edits, deletions, additions, reordering and truncation by the owner of the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pytest
from sqlalchemy import URL, Connection, Engine, Integer, NullPool, create_engine, text

from labs_schema.hashes import canonical_hash
from serving.store.access.roles import Role
from serving.store.ledger import FIRST_HASH, Entry
from serving.store.store import Store
from serving.store.tables import audit, metadata
from serving.store.verification.verification import verify_store

COMPILES = "Does it compile?"


@pytest.fixture
def filled(store: Store, hand: Any) -> Store:
    """Two students in entries 1 and 2, the rubric 3, grades 4 to 6, overrides 7 and 8, keys 9 to 11, forgetting 12."""
    one, two = (store.pseudonym_for("cs101", name, actor="api") for name in ("s1", "s2"))
    first, *_ = [hand.grade(store, who, request=request) for who, request in ((one, "a"), (two, "a"), (one, "b"))]
    store.record_override(first, COMPILES, "B", "It warns.", request="o1", actor="ta1")
    store.record_override(first, COMPILES, "C", "It does not.", request="o2", actor="ta1")
    _, key = store.create_key("moodle", Role.PLATFORM, "cs101", actor="admin")
    store.revoke_key(key.id, actor="admin")
    store.create_key("a TA", Role.TA, "cs101", actor="admin")
    store.forget_student("s2", actor="admin")
    assert store.verify().faults == ()
    return store


Statement = str | tuple[str, tuple[Any, ...]]


@lru_cache(maxsize=1)
def _engine(url: URL) -> Engine:
    return create_engine(url, poolclass=NullPool)


@contextmanager
def tampered(store: Store, *statements: Statement) -> Iterator[Connection]:
    """Changes by the owner of the database, without triggers and foreign keys; rolled back at the end."""
    with _engine(store.database._engine.url).connect() as connection:
        if store.database.dialect == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        else:
            connection.exec_driver_sql("BEGIN")
            for name in (
                connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            ):
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        mark = "%s" if store.database.dialect == "postgresql" else "?"
        for each in statements:
            statement, values = (each, ()) if isinstance(each, str) else each
            assert connection.exec_driver_sql(statement.replace("?", mark), values).rowcount, f"{each} did nothing"
        yield connection
        connection.rollback()


def found(store: Store, *statements: Statement, expected_head: str | None = None) -> set[int | None]:
    """The entries of the faults that verification finds after `statements`."""
    with tampered(store, *statements) as connection:
        return {fault.entry for fault in verify_store(connection, expected_head).faults}


TAMPERING: list[tuple[list[str], int | None]] = [
    (["UPDATE audit SET actor = 'x' WHERE seq = 5"], 5),
    (["UPDATE audit SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 5"], 5),
    (["UPDATE audit SET event = 'key' WHERE seq = 5"], 5),
    (["UPDATE audit SET detail = replace(detail, 'lab1', 'lab2') WHERE seq = 5"], 5),
    (["UPDATE audit SET detail = detail || ' ' WHERE seq = 5"], 5),
    (["UPDATE audit SET detail = '[]' WHERE seq = 12"], 12),
    (["UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE seq = 5"], 5),
    (["UPDATE audit SET previous = hash WHERE seq = 5"], 5),
    (["DELETE FROM audit WHERE seq = 5"], 5),
    (["DELETE FROM audit WHERE seq = 1"], 1),
    (["DELETE FROM audit WHERE seq > 10"], 11),
    (["DELETE FROM audit WHERE seq = 12"], 12),
    (["DELETE FROM audit"], 1),
    (["DELETE FROM audit WHERE seq = 12", "UPDATE audit_head SET seq = 11"], 11),
    (["DELETE FROM audit_head"], None),
    (["UPDATE audit_head SET seq = 13"], 13),
    (["UPDATE audit_head SET seq = 11"], 12),
    (["INSERT INTO audit SELECT 13, at, actor, event, detail, hash, hash FROM audit WHERE seq = 12"], 13),
    (
        [
            "UPDATE audit SET seq = 99 WHERE seq = 4",
            "UPDATE audit SET seq = 4 WHERE seq = 5",
            "UPDATE audit SET seq = 5 WHERE seq = 99",
        ],
        4,
    ),
    (["UPDATE grades SET lab = 'x' WHERE seq = 4"], 4),
    (["UPDATE grades SET at = '2020' WHERE seq = 4"], 4),
    (["UPDATE grades SET student = (SELECT pseudonym FROM students WHERE seq = 2) WHERE seq = 4"], 4),
    (["DELETE FROM grades WHERE seq = 6"], 6),
    (["UPDATE grades SET seq = 99 WHERE seq = 6"], 6),
    (["UPDATE overrides SET position = 1 WHERE seq = 7"], 7),
    (["DELETE FROM overrides WHERE seq = 8"], 8),
    (["UPDATE rubrics SET document = replace(document, 'gcc', 'icc')"], 3),
    (["DELETE FROM rubrics"], 3),
    (["UPDATE contents SET document = replace(document, 'It warns', 'It works')"], 7),
    (["UPDATE contents SET document = replace(document, 'accepted', 'needs_review')"], 4),
    (["DELETE FROM contents WHERE hash = (SELECT content FROM overrides WHERE seq = 8)"], 8),
    (["DELETE FROM contents WHERE hash = (SELECT submission FROM grades WHERE seq = 4)"], 6),
    (["UPDATE students SET student = 's3' WHERE seq = 1"], 1),
    (["UPDATE students SET student = NULL, secret = NULL, forgotten_at = 'now' WHERE seq = 1"], 1),
    (["UPDATE students SET student = 's2' WHERE seq = 2"], 12),
    (["UPDATE students SET secret = 'not hexadecimal' WHERE seq = 1"], 1),
    (["UPDATE keys SET role = 'admin' WHERE seq = 11"], 11),
    (["UPDATE keys SET revoked_at = NULL WHERE seq = 9"], 10),
    (["UPDATE keys SET revoked_at = created_at WHERE seq = 11"], 11),
    (["DELETE FROM keys WHERE seq = 11"], 11),
]


def test_tampering_is_found_at_its_entry(filled: Store) -> None:
    for statements, entry in TAMPERING:
        assert entry in found(filled, *statements), statements
    assert filled.verify().faults == ()


AUDITED_TABLES = ["students", "contents", "rubrics", "grades", "overrides", "audit", "audit_head", "keys"]


def test_change_of_any_cell_is_found(filled: Store) -> None:
    for table in map(metadata.tables.__getitem__, AUDITED_TABLES):
        with filled.database.reading() as connection:
            row = connection.execute(table.select().order_by(text("1"))).first()
        assert row is not None
        for column, value in zip(table.columns, row, strict=True):
            change = f"UPDATE {table.name} SET {column.name} = ? WHERE {table.columns[0].name} = ?"
            assert found(filled, (change, (77 if isinstance(value, int) else "77", row[0]))), column


def test_bytes_in_a_text_column_are_found(filled: Store) -> None:
    if filled.database.dialect == "postgresql":
        pytest.skip("PostgreSQL accepts only text in text columns")
    for table in (metadata.tables[name] for name in ("students", "contents", "rubrics", "grades", "audit")):
        last = f"(SELECT max(rowid) FROM {table.name})"
        for column in table.columns:
            if not isinstance(column.type, Integer):
                assert found(filled, f"UPDATE {table.name} SET {column.name} = x'ff00' WHERE rowid = {last}"), column


def test_forged_entry_with_valid_hash_breaks_the_chain(filled: Store) -> None:
    with filled.database.reading() as connection:
        row = connection.execute(audit.select().where(audit.c.seq == 5)).one()
    forged = {name: getattr(row, name) for name in Entry.model_fields} | {"actor": "someone else"}
    change = "UPDATE audit SET actor = ?, hash = ? WHERE seq = 5"
    assert found(filled, (change, ("someone else", canonical_hash(forged)))) == {6}


def test_rewritten_log_is_found_by_an_earlier_head(filled: Store) -> None:
    """The owner can forge a consistent log, but not one that contains a head recorded elsewhere."""
    report = filled.verify()
    head = f"{report.entries}:{report.head}"
    filled.pseudonym_for("cs101", "s9", actor="api")
    assert filled.verify(head).faults == ()
    with filled.database.reading() as connection:
        prefix_hash = connection.execute(text("SELECT hash FROM audit WHERE seq = 11")).scalar_one()
    forged = (
        "DELETE FROM students WHERE seq = 13",
        "DELETE FROM audit WHERE seq > 11",
        f"UPDATE audit_head SET seq = 11, hash = '{prefix_hash}'",
    )
    assert 12 in found(filled, *forged, expected_head=head)
    assert None in found(filled, expected_head="nonsense") and None in found(filled, expected_head="9" * 40)


def test_empty_store_has_no_faults(store: Store) -> None:
    report = store.verify()
    assert (report.entries, report.head, report.faults) == (0, FIRST_HASH, ())
