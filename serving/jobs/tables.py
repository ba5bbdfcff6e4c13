"""The tables of jobs, in the store's database. Knows no rules. Students stand here by their pseudonyms alone."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, String, Table

from serving.store.tables import metadata

# `wish` is what a person last asked for, `round` how often the job was begun. `at_terminal`: by `grader regrade`, which
# works on it itself; no worker takes it. `origin` (`serving.jobs.origin`): what its grades are given with, once known.
jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", String, nullable=False, index=True),
    Column("actor", String, nullable=False),
    Column("course", String, nullable=False),
    Column("lab", String, nullable=False),
    Column("work", String, nullable=False),
    Column("total", Integer, nullable=False),
    Column("chunk", Integer, nullable=False),
    Column("round", Integer, nullable=False),
    Column("wish", String, nullable=False),
    Column("failure", String),
    Column("finished_at", String),
    Column("at_terminal", Boolean, nullable=False),
    Column("origin", String),
)

# Whose work a job grades: the lab's submissions in their order, from 0. Pinned at the start, so that a student who is
# forgotten meanwhile does not come back under a new pseudonym.
members = Table(
    "job_members",
    metadata,
    Column("job", String, ForeignKey("jobs.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("student", String, ForeignKey("students.pseudonym"), nullable=False),
)

# A submission that did not simply succeed. `alone`: how often it was begun by itself, `failed`: how often grading it by
# itself raised. `parked_at` is set once the job gave it up.
tries = Table(
    "job_tries",
    metadata,
    Column("job", String, ForeignKey("jobs.id"), primary_key=True),
    Column("student", String, ForeignKey("students.pseudonym"), primary_key=True),
    Column("alone", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("reason", String, nullable=False),
    Column("parked_at", String),
)

# A process that works on jobs, when it last said so, and of which courses; NULL: of any.
workers = Table(
    "job_workers",
    metadata,
    Column("name", String, primary_key=True),
    Column("seen_at", String, nullable=False),
    Column("courses", JSON(none_as_null=True)),
)
