"""The tables of the store.

Texts about a student are only in `students` and `contents`, so that they can be erased. Everything else is append-only
and holds only pseudonyms, and hashes keyed with the student's secret (`contents`). `seq` is the number of the audit
entry that records the row. Times are UTC in ISO 8601 with microseconds and a Z, so that they sort as text. The
triggers that enforce append-only tables are in `migrations`.
"""

from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData()

# One row per student and course. Forgetting empties `student` and `secret`; the row stays, as grades refer to it.
# `identity` is the keyed hash of course and student: swapping the students of two rows is detected.
students = Table(
    "students",
    metadata,
    Column("pseudonym", String, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("course", String, nullable=False),
    Column("student", String),
    Column("secret", String),
    Column("identity", String, nullable=False),
    Column("created_at", String, nullable=False),
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
    Column("seq", Integer, nullable=False, unique=True),
    Column("lab", String, nullable=False),
    Column("rubric_hash", String, nullable=False),
    Column("document", Text, nullable=False),
)

# `submission` and `content` are hashes in `contents`. `provenance` is a hash too, submission hash excluded.
grades = Table(
    "grades",
    metadata,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("request", String, nullable=False),
    Column("lab", String, nullable=False),
    Column("rubric", String, ForeignKey("rubrics.version"), nullable=False),
    Column("student", String, ForeignKey("students.pseudonym"), nullable=False, index=True),
    Column("submission", String, nullable=False),
    Column("content", String, nullable=False),
    Column("provenance", String, nullable=False),
    UniqueConstraint("request", "student", "lab", "submission", name="grades_once"),
)

# `position` is the criterion's index in the stored rubric, from 0.
overrides = Table(
    "overrides",
    metadata,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("request", String, nullable=False),
    Column("grade", String, ForeignKey("grades.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("content", String, nullable=False),
    UniqueConstraint("grade", "request", "position", name="overrides_once"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("event", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
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
    Column("seq", Integer, nullable=False, unique=True),
    Column("token_hash", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("course", String),
    Column("created_at", String, nullable=False),
    Column("revoked_at", String),
)

# The model of a course from `at` on; the last row of a course is current. `model` is null if it was removed.
courses = Table(
    "courses",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String, nullable=False),
    Column("course", String, nullable=False, index=True),
    Column("model", String),
    Column("labs", String),
    Column("base_model", String),
    Column("licence", String),
    Column("model_hash", String),
    Column("tokenizer_hash", String),
    Column("prompt_hash", String),
    Column("calibration_hash", String),
)

# `id` is the hash of scope and key. `answer` is null while `holder` processes the request.
idempotency = Table(
    "idempotency",
    metadata,
    Column("id", String, primary_key=True),
    Column("body_hash", String, nullable=False),
    Column("request", String, nullable=False),
    Column("student", String, ForeignKey("students.pseudonym"), index=True),
    Column("created_at", String, nullable=False, index=True),
    Column("claimed_at", String, nullable=False),
    Column("holder", String, nullable=False),
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
