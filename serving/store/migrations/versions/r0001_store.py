"""The first tables, and the triggers by which the database itself refuses to change history."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

APPEND_ONLY = {
    "rubrics": "UPDATE DELETE",
    "grades": "UPDATE DELETE",
    "overrides": "UPDATE DELETE",
    "audit": "UPDATE DELETE",
    "audit_head": "DELETE",
    "contents": "UPDATE",
    "students": "DELETE",
    "keys": "DELETE",
}


def upgrade() -> None:
    _students()
    _grades()
    _audit()
    _borders()
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        op.execute(REFUSE)
    for table, events in APPEND_ONLY.items():
        for event in events.split():
            op.execute((POSTGRESQL_TRIGGER if postgresql else SQLITE_TRIGGER).format(table=table, event=event))
        if postgresql:
            op.execute(TRUNCATE_TRIGGER.format(table=table))
    op.execute(POSTGRESQL_HEAD if postgresql else SQLITE_HEAD)


REFUSE = """
CREATE FUNCTION grader_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% on % is refused: history is only ever appended to', TG_OP, TG_TABLE_NAME; END $$
"""
POSTGRESQL_TRIGGER = """
CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION grader_refuse()
"""
TRUNCATE_TRIGGER = """
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION grader_refuse()
"""
SQLITE_TRIGGER = """
CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table}
BEGIN SELECT RAISE(ABORT, '{event} on {table} is refused: history is only ever appended to'); END
"""
POSTGRESQL_HEAD = """
CREATE TRIGGER audit_head_grows BEFORE UPDATE ON audit_head FOR EACH ROW
WHEN (NEW.seq <= OLD.seq OR NEW.id <> OLD.id) EXECUTE FUNCTION grader_refuse()
"""
SQLITE_HEAD = """
CREATE TRIGGER audit_head_grows BEFORE UPDATE ON audit_head WHEN NEW.seq <= OLD.seq OR NEW.id <> OLD.id
BEGIN SELECT RAISE(ABORT, 'UPDATE on audit_head is refused: history is only ever appended to'); END
"""


def _students() -> None:
    op.create_table(
        "students",
        sa.Column("pseudonym", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False, unique=True),
        sa.Column("course", sa.String, nullable=False),
        sa.Column("student", sa.String),
        sa.Column("secret", sa.String),
        sa.Column("identity", sa.String, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("forgotten_at", sa.String),
        sa.UniqueConstraint("course", "student", name="students_course_student"),
    )
    op.create_table(
        "contents",
        sa.Column("hash", sa.String, primary_key=True),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_contents_student", "contents", ["student"])


def _grades() -> None:
    op.create_table(
        "rubrics",
        sa.Column("version", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False, unique=True),
        sa.Column("lab", sa.String, nullable=False),
        sa.Column("rubric_hash", sa.String, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "grades",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False, unique=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("request", sa.String, nullable=False),
        sa.Column("lab", sa.String, nullable=False),
        sa.Column("rubric", sa.String, sa.ForeignKey("rubrics.version"), nullable=False),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), nullable=False),
        sa.Column("submission", sa.String, nullable=False),
        sa.Column("content", sa.String, nullable=False),
        sa.Column("provenance", sa.String, nullable=False),
        sa.UniqueConstraint("request", "student", "lab", "submission", name="grades_once"),
    )
    op.create_index("ix_grades_student", "grades", ["student"])
    op.create_table(
        "overrides",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False, unique=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("request", sa.String, nullable=False),
        sa.Column("grade", sa.String, sa.ForeignKey("grades.id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("content", sa.String, nullable=False),
        sa.UniqueConstraint("grade", "request", "position", name="overrides_once"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": "0" * 64}])


def _borders() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False, unique=True),
        sa.Column("token_hash", sa.String, nullable=False, unique=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("course", sa.String),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("revoked_at", sa.String),
    )
    op.create_table(
        "idempotency",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("body_hash", sa.String, nullable=False),
        sa.Column("request", sa.String, nullable=False),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym")),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("claimed_at", sa.String, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("answer", sa.Text),
    )
    op.create_index("ix_idempotency_student", "idempotency", ["student"])
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])
