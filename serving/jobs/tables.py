"""Job tables, in the store's database. Students appear by pseudonym only."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table

from serving.store.tables import metadata, optional, required

# `requested` is the state a person last requested; `generation` is 1 and grows with every resume. `cli`: `grader
# regrade` grades the job itself and no worker takes it. `fingerprint`: see `serving.jobs.fingerprint`.
jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", String, nullable=False, index=True),
    *required("actor", "course", "lab", "work"),
    *required("total", "chunk", "generation", kind=Integer),
    Column("requested", String, nullable=False),
    *optional("failure", "finished_at"),
    Column("cli", Boolean, nullable=False),
    Column("fingerprint", String),
    Column("warnings", JSON, nullable=False),
)

# The students of a job. `position` is the index of their submission in the lab, from 0, which the members of a group
# share; students without a readable program have later positions. Stored when the job is created, so that a student who
# is deleted while it runs does not return under a new pseudonym.
members = Table(
    "job_members",
    metadata,
    Column("job", String, ForeignKey("jobs.id"), primary_key=True),
    Column("student", String, ForeignKey("students.pseudonym"), primary_key=True),
    Column("position", Integer, nullable=False),
    Index("ix_job_members_position", "job", "position"),
)

# A submission that was started and not graded yet. `failures`: how often grading it alone raised an error. `crashes`:
# how often it was started alone without a result. `parked_at`: when the job gave it up. `code`: why the
# student has no readable program; such a row is parked from the start.
attempts = Table(
    "job_attempts",
    metadata,
    Column("job", String, ForeignKey("jobs.id"), primary_key=True),
    Column("student", String, ForeignKey("students.pseudonym"), primary_key=True),
    *required("failures", "crashes", kind=Integer),
    Column("reason", String, nullable=False),
    *optional("parked_at", "code"),
)

# A live worker, its last heartbeat and the courses it grades; NULL: all courses.
workers = Table(
    "job_workers",
    metadata,
    Column("name", String, primary_key=True),
    Column("seen_at", String, nullable=False),
    Column("courses", JSON(none_as_null=True)),
)

# The chunk that a worker is grading. Deleting a dead worker's row deletes its leases.
leases = Table(
    "job_leases",
    metadata,
    Column("job", String, ForeignKey("jobs.id"), primary_key=True),
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("worker", String, ForeignKey("job_workers.name", ondelete="CASCADE"), nullable=False, index=True),
)
