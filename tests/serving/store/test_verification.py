"""The audit finds every edit, deletion, addition, reordering and cut tail, whoever made it by whatever means."""

import sqlite3
from typing import Any

import psycopg
import pytest
from sqlalchemy import Integer, text

from labs_schema.hashes import canonical_hash
from serving.store.ledger import FIRST, Entry
from serving.store.roles import Role
from serving.store.store import Store
from serving.store.tables import audit, metadata

COMPILES = "Does it compile?"


@pytest.fixture
def filled(store: Store, hand: Any) -> Store:
    """Two students in entries 1 and 2, the rubric 3, grades 4 to 6, overrides 7 and 8, keys 9 to 11, forgetting 12."""
    one, two = (store.pseudonym("cs101", name, actor="api") for name in ("s1", "s2"))
    first, *_ = [hand.grade(store, who, request=request) for who, request in ((one, "a"), (two, "a"), (one, "b"))]
    store.override(first, COMPILES, "B", "It warns.", request="o1", actor="ta1")
    store.override(first, COMPILES, "C", "It does not.", request="o2", actor="ta1")
    _, key = store.create_key("moodle", Role.PLATFORM, "cs101", actor="admin")
    store.revoke_key(key.id, actor="admin")
    store.create_key("a TA", Role.TA, "cs101", actor="admin")
    store.forget("s2", actor="admin")
    assert store.verify().faults == ()
    return store


Statement = str | tuple[str, tuple[Any, ...]]


def tamper(store: Store, *statements: Statement) -> None:
    """As one who owns the database does: without triggers and foreign keys."""
    url = store.database._engine.url
    if store.database.dialect == "postgresql":
        connection: Any = psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
        connection.execute("SET session_replication_role = replica")
    else:
        connection = sqlite3.connect(str(url.database))
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
    for each in statements:
        statement, values = (each, ()) if isinstance(each, str) else each
        mark = "%s" if store.database.dialect == "postgresql" else "?"
        assert connection.execute(statement.replace("?", mark), values or ()).rowcount, f"{each} did nothing"
    connection.commit()
    connection.close()


def found(store: Store) -> set[int | None]:
    return {fault.entry for fault in store.verify().faults}


@pytest.mark.parametrize(
    ("statements", "entry"),
    [
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
    ],
)
def test_what_was_done_to_the_database_is_found_at_its_entry(filled: Store, statements: list[str], entry: int) -> None:
    tamper(filled, *statements)
    assert entry in found(filled)


WITNESSED = ["students", "contents", "rubrics", "grades", "overrides", "audit", "audit_head", "keys"]


@pytest.mark.parametrize("table", WITNESSED)
def test_whatever_one_cell_is_changed_to_is_found(filled: Store, table: str) -> None:
    columns = [column.name for column in metadata.tables[table].columns]
    with filled.database.reading() as connection:
        row = connection.execute(metadata.tables[table].select().order_by(text("1"))).first()
    assert row is not None
    for place, column in enumerate(columns):
        changed = 77 if isinstance(row[place], int) else "77"
        here = changed if place == 0 else row[0]
        tamper(filled, (f"UPDATE {table} SET {column} = ? WHERE {columns[0]} = ?", (changed, row[0])))
        assert filled.verify().faults, column
        tamper(filled, (f"UPDATE {table} SET {column} = ? WHERE {columns[0]} = ?", (row[place], here)))
        assert filled.verify().faults == (), column


@pytest.mark.parametrize("table", ["students", "contents", "rubrics", "grades", "audit"])
def test_bytes_where_there_was_text_are_found(filled: Store, table: str) -> None:
    if filled.database.dialect == "postgresql":
        pytest.skip("PostgreSQL keeps text in its text columns")
    for column in metadata.tables[table].columns:
        if not isinstance(column.type, Integer) and column.name not in ("revoked_at", "forgotten_at"):
            tamper(filled, f"UPDATE {table} SET {column.name} = x'ff00' WHERE rowid = (SELECT max(rowid) FROM {table})")
            assert filled.verify().faults


def test_an_entry_written_anew_with_its_hash_does_not_lead_to_the_next(filled: Store) -> None:
    with filled.database.reading() as connection:
        row = connection.execute(audit.select().where(audit.c.seq == 5)).one()
    forged = {name: getattr(row, name) for name in Entry.model_fields} | {"actor": "somebody else"}
    change = "UPDATE audit SET actor = ?, hash = ? WHERE seq = 5"
    tamper(filled, (change, ("somebody else", canonical_hash(forged))))
    assert found(filled) == {6}


def test_a_log_written_anew_is_found_by_a_head_that_was_noted(filled: Store) -> None:
    """Who owns the database can make a log that is whole, but not one that has an entry which was noted elsewhere."""
    noted = filled.verify()
    head = f"{noted.entries}:{noted.head}"
    filled.pseudonym("cs101", "s9", actor="api")
    assert filled.verify(head).faults == ()
    with filled.database.reading() as connection:
        whole_prefix = connection.execute(text("SELECT hash FROM audit WHERE seq = 11")).scalar_one()
    tamper(
        filled,
        "DELETE FROM students WHERE seq = 13",
        "DELETE FROM audit WHERE seq > 11",
        f"UPDATE audit_head SET seq = 11, hash = '{whole_prefix}'",
        "DELETE FROM students WHERE seq = 2",
        "DELETE FROM grades WHERE seq = 5",
    )
    assert 12 in {fault.entry for fault in filled.verify(head).faults}
    assert None in {fault.entry for fault in filled.verify("nonsense").faults}


def test_an_empty_store_verifies(store: Store) -> None:
    report = store.verify()
    assert (report.entries, report.head, report.faults) == (0, FIRST, ())
