"""The tables of the store.

Texts about a student are only in `students` and `contents`, so that they can be erased. Everything else is append-only
and holds only pseudonyms, and hashes keyed with the student's secret (`contents`). Times are UTC in
ISO 8601 with microseconds and a Z, so that they sort as text. The triggers that enforce append-only tables are in
`migrations`.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()


def required(*names: str, kind: Any = String) -> list[Column[Any]]:
    return [Column(name, kind, nullable=False) for name in names]


def optional(*names: str) -> list[Column[Any]]:
    return [Column(name, String) for name in names]


def entry_number() -> Column[int]:
    """The audit entry that records the row."""
    return Column("seq", Integer, nullable=False, unique=True)


def record_columns() -> list[Column[Any]]:
    """The columns that `Ledger.new_row` sets: id, audit entry, time and actor of a record."""
    return [Column("id", String, primary_key=True), entry_number(), *required("at", "actor")]


# One row per student and course. Forgetting empties `student` and `secret`; the row stays, as grades refer to it.
# `identity` is the keyed hash of course and student: swapping the students of two rows is detected.
students = Table(
    "students",
    metadata,
    Column("pseudonym", String, primary_key=True),
    entry_number(),
    Column("course", String, nullable=False),
    *optional("student", "secret"),
    *required("identity", "created_at"),
    Column("forgotten_at", String),
    UniqueConstraint("course", "student", name="students_course_student"),
)

# Canonical JSON by its keyed hash: a submission's files, a grade, an override.
contents = Table(
    "contents",
    metadata,
    Column("hash", String, primary_key=True),
    Column("student", String, ForeignKey("students.pseudonym"), nullable=False, index=True),
    Column("document", Text, nullable=False),
)

# Problem statement and rubric of a lab at the time of a grade. `version` is the hash of `document`.
rubrics = Table(
    "rubrics",
    metadata,
    Column("version", String, primary_key=True),
    entry_number(),
    *required("lab", "rubric_hash"),
    Column("document", Text, nullable=False),
)

# `submission` and `content` are hashes in `contents`. `provenance` is a hash too, submission hash excluded; that of
# null if no model graded the student.
grades = Table(
    "grades",
    metadata,
    *record_columns(),
    *required("request", "lab"),
    Column("rubric", String, ForeignKey("rubrics.version"), nullable=False),
    Column("student", String, ForeignKey("students.pseudonym"), nullable=False, index=True),
    *required("submission", "content", "provenance"),
    UniqueConstraint("request", "student", "lab", "submission", name="grades_once"),
)

# `position` is the criterion's index in the stored rubric, from 0.
overrides = Table(
    "overrides",
    metadata,
    *record_columns(),
    *required("request"),
    Column("grade", String, ForeignKey("grades.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("content", String, nullable=False),
    UniqueConstraint("grade", "request", "position", name="overrides_once"),
)

# A student's objection to the rating at `position` of the rubric. `content`: criterion, rating and text.
regrade_requests = Table(
    "regrade_requests",
    metadata,
    *record_columns(),
    *required("request"),
    Column("grade", String, ForeignKey("grades.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("content", String, nullable=False),
    UniqueConstraint("grade", "request", "position", name="regrade_requests_once"),
)

# At most one for a regrade request. `override` is null if it was declined.
regrade_answers = Table(
    "regrade_answers",
    metadata,
    *record_columns(),
    *required("request"),
    Column("regrade", String, ForeignKey("regrade_requests.id"), nullable=False, unique=True),
    *required("resolution"),
    Column("override", String, ForeignKey("overrides.id")),
    *required("content"),
)

# By whom a link is opened is not known: it is for the student of the grade.
student_links = Table(
    "student_links",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("grade", String, ForeignKey("grades.id"), nullable=False),
    *required("created_at", "expires_at"),
    Column("include_review", Boolean, nullable=False),
    Column("probabilities", Boolean, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    *required("at", "actor", "event"),
    Column("detail", Text, nullable=False),
    *required("previous", "hash"),
)

# One row: the last entry of the audit log. Locked by every audited transaction.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
    Column("hash", String, nullable=False),
)

# `course` is null for a key to all courses.
keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    entry_number(),
    Column("token_hash", String, nullable=False, unique=True),
    *required("name", "role"),
    Column("course", String),
    Column("created_at", String, nullable=False),
    Column("revoked_at", String),
)

# A link that signs a person in to the pages as a key, once. Expired and used links stay: they open nothing.
sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("key", String, ForeignKey("keys.id"), nullable=False),
    *required("created_at", "expires_at"),
    Column("used_at", String),
)

# The model of a course from `at` on; the last row of a course is current. `model` is null if it was removed.
courses = Table(
    "courses",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String, nullable=False),
    Column("course", String, nullable=False, index=True),
    *optional("model", "labs", "base_model", "licence"),
    *optional("model_hash", "tokenizer_hash", "prompt_hash", "calibration_hash"),
)

# `id` is the hash of scope and key. `answer` is null while `holder` processes the request.
idempotency = Table(
    "idempotency",
    metadata,
    Column("id", String, primary_key=True),
    *required("body_hash", "request"),
    Column("student", String, ForeignKey("students.pseudonym"), index=True),
    Column("created_at", String, nullable=False, index=True),
    *required("claimed_at", "holder"),
    Column("answer", Text),
)

# A folder on a machine with results under students' ids. `course`: whose results were written there last.
exports = Table(
    "exports",
    metadata,
    Column("host", String, primary_key=True),
    Column("path", String, primary_key=True),
    Column("at", String, nullable=False),
    Column("course", String),
)

# Grades sent to course platforms. `target` names the platform and the place on it. `event`: `intended` before a value
# is sent, then `delivered`, `conflict` or `failed`. `content` is the hash of the values; `revision` that of the neutral
# record.
deliveries = Table(
    "deliveries",
    metadata,
    *record_columns(),
    *required("target"),
    Column("student", String, ForeignKey("students.pseudonym"), nullable=False),
    Column("grade", String, ForeignKey("grades.id"), nullable=False),
    *required("event", "code", "revision", "content"),
    Index("ix_deliveries_target", "target", "student"),
)

# Which criterion and level of a platform's rubric each criterion and rating of a lab is; the last row of a target is
# current. `version` is the hash of `document`, `fingerprint` that of the platform's rubric.
delivery_mappings = Table(
    "delivery_mappings",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    *required("at", "actor", "target", "lab", "fingerprint", "version"),
    Column("document", Text, nullable=False),
    Index("ix_delivery_mappings_target", "target"),
)

# A live observer, its last heartbeat and the courses whose programs it runs; NULL: all courses.
observers = Table(
    "observers",
    metadata,
    Column("name", String, primary_key=True),
    Column("seen_at", String, nullable=False),
    Column("courses", JSON(none_as_null=True)),
)

# A submission of a grading request or job that waits for the outcomes of its lab's checks, or has them. `files`: its
# program; `checks`: the hash of the lab's checks. The first of `result` and `failure` counts. Deleting a dead
# observer's row frees what it had claimed.
observation_requests = Table(
    "observation_requests",
    metadata,
    Column("request", String, primary_key=True),
    Column("student", String, ForeignKey("students.pseudonym"), primary_key=True, index=True),
    Column("at", String, nullable=False, index=True),
    *required("course", "lab", "checks"),
    Column("files", Text, nullable=False),
    Column("worker", String, ForeignKey("observers.name", ondelete="SET NULL"), index=True),
    Column("attempts", Integer, nullable=False),
    Column("result", Text),
    Column("failure", String),
)
