"""All tables, and triggers that refuse to change append-only ones."""

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
    "courses": "UPDATE DELETE",
}


def upgrade() -> None:
    _students()
    _grades()
    _audit()
    _keys_and_idempotency()
    _courses_and_exports()
    _jobs()
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


def _keys_and_idempotency() -> None:
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


def _courses_and_exports() -> None:
    op.create_table(
        "courses",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("course", sa.String, nullable=False),
        sa.Column("model", sa.String),
        sa.Column("labs", sa.String),
        sa.Column("base_model", sa.String),
        sa.Column("licence", sa.String),
        sa.Column("model_hash", sa.String),
        sa.Column("tokenizer_hash", sa.String),
        sa.Column("prompt_hash", sa.String),
        sa.Column("calibration_hash", sa.String),
    )
    op.create_index("ix_courses_course", "courses", ["course"])
    op.create_table(
        "exports",
        sa.Column("host", sa.String, primary_key=True),
        sa.Column("path", sa.String, primary_key=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("course", sa.String),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("course", sa.String, nullable=False),
        sa.Column("lab", sa.String, nullable=False),
        sa.Column("work", sa.String, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("chunk", sa.Integer, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("requested", sa.String, nullable=False),
        sa.Column("failure", sa.String),
        sa.Column("finished_at", sa.String),
        sa.Column("cli", sa.Boolean, nullable=False),
        sa.Column("fingerprint", sa.String),
    )
    op.create_index("ix_jobs_at", "jobs", ["at"])
    op.create_table(
        "job_members",
        sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), nullable=False),
    )
    op.create_table(
        "job_attempts",
        sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("crashes", sa.Integer, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("parked_at", sa.String),
    )
    op.create_table(
        "job_workers",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("seen_at", sa.String, nullable=False),
        sa.Column("courses", sa.JSON(none_as_null=True)),
    )
    op.create_table(
        "job_leases",
        sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("chunk", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("worker", sa.String, sa.ForeignKey("job_workers.name", ondelete="CASCADE"), nullable=False),
    )
    op.create_index("ix_job_leases_worker", "job_leases", ["worker"])
