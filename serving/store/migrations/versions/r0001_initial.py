"""All tables, and triggers that refuse to change append-only ones."""

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.building import append_only, audited, entry_number, keys, optional, required

revision = "0001"
down_revision = None


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
    append_only("rubrics", "grades", "overrides", "audit", "courses")
    append_only("audit_head", "students", "keys", refused=("DELETE",))
    append_only("contents", refused=("UPDATE",))
    op.execute(POSTGRESQL_HEAD if postgresql else SQLITE_HEAD)


REFUSE = """
CREATE FUNCTION grader_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% on % is refused: history is only ever appended to', TG_OP, TG_TABLE_NAME; END $$
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
        *keys("pseudonym"),
        entry_number(),
        sa.Column("course", sa.String, nullable=False),
        *optional("student", "secret"),
        *required("identity", "created_at"),
        sa.Column("forgotten_at", sa.String),
        sa.UniqueConstraint("course", "student", name="students_course_student"),
    )
    op.create_table(
        "contents",
        *keys("hash"),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_contents_student", "contents", ["student"])


def _grades() -> None:
    op.create_table(
        "rubrics",
        *keys("version"),
        entry_number(),
        *required("lab", "rubric_hash"),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "grades",
        *audited("request", "lab"),
        sa.Column("rubric", sa.String, sa.ForeignKey("rubrics.version"), nullable=False),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), nullable=False),
        *required("submission", "content", "provenance"),
        sa.UniqueConstraint("request", "student", "lab", "submission", name="grades_once"),
    )
    op.create_index("ix_grades_student", "grades", ["student"])
    op.create_table(
        "overrides",
        *audited("request"),
        sa.Column("grade", sa.String, sa.ForeignKey("grades.id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("content", sa.String, nullable=False),
        sa.UniqueConstraint("grade", "request", "position", name="overrides_once"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        *required("at", "actor", "event"),
        sa.Column("detail", sa.Text, nullable=False),
        *required("previous", "hash"),
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
        *keys("id"),
        entry_number(),
        sa.Column("token_hash", sa.String, nullable=False, unique=True),
        *required("name", "role"),
        sa.Column("course", sa.String),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("revoked_at", sa.String),
    )
    op.create_table(
        "idempotency",
        *keys("id"),
        *required("body_hash", "request"),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym")),
        *required("created_at", "claimed_at", "holder"),
        sa.Column("answer", sa.Text),
    )
    op.create_index("ix_idempotency_student", "idempotency", ["student"])
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])


def _courses_and_exports() -> None:
    op.create_table(
        "courses",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        *required("at", "course"),
        *optional("model", "labs", "base_model", "licence"),
        *optional("model_hash", "tokenizer_hash", "prompt_hash", "calibration_hash"),
    )
    op.create_index("ix_courses_course", "courses", ["course"])
    op.create_table(
        "exports",
        *keys("host", "path"),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("course", sa.String),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        *keys("id"),
        *required("at", "actor", "course", "lab", "work"),
        *required("total", "chunk", "generation", kind=sa.Integer),
        sa.Column("requested", sa.String, nullable=False),
        *optional("failure", "finished_at"),
        sa.Column("cli", sa.Boolean, nullable=False),
        sa.Column("fingerprint", sa.String),
        sa.Column("warnings", sa.JSON, nullable=False),
    )
    op.create_index("ix_jobs_at", "jobs", ["at"])
    op.create_table(
        "job_members",
        sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_index("ix_job_members_position", "job_members", ["job", "position"])
    op.create_table(
        "job_attempts",
        sa.Column("job", sa.String, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), primary_key=True),
        *required("failures", "crashes", kind=sa.Integer),
        sa.Column("reason", sa.String, nullable=False),
        *optional("parked_at", "code"),
    )
    op.create_table(
        "job_workers",
        *keys("name"),
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
