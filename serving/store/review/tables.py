"""The tables of reviewing in a team: assignments, second markings, comment snippets and clarifications of rubrics."""

from sqlalchemy import Column, ForeignKey, String, Table, Text, UniqueConstraint

from serving.store.tables import metadata, optional, record_columns, required

# Who reviews the work of a grade; the last row of a work and `marking` (`first` or `second`) is current. `ta` is null
# if the assignment was removed.
assignments = Table(
    "assignments",
    metadata,
    *record_columns(),
    *required("request"),
    Column("grade", String, ForeignKey("grades.id"), nullable=False),
    *required("marking"),
    Column("ta", String, ForeignKey("keys.id")),
    UniqueConstraint("request", "grade", "marking", name="assignments_once"),
)

# The ratings of a second marker, who does not see the first ones. They decide nothing. `content`: criterion -> rating.
second_ratings = Table(
    "second_ratings",
    metadata,
    *record_columns(),
    *required("request"),
    Column("grade", String, ForeignKey("grades.id"), nullable=False),
    *required("content"),
    UniqueConstraint("grade", "actor", name="second_ratings_once"),
)

# A text for comments. `owner` is null if all TAs of the course use it. `text` is erased when it is removed; `text_hash`
# stays.
snippets = Table(
    "snippets",
    metadata,
    *record_columns(),
    Column("request", String, nullable=False, unique=True),
    Column("course", String, nullable=False, index=True),
    *optional("owner"),
    *required("text_hash"),
    Column("text", Text),
    *optional("removed_at"),
)

# An answer to a doubt about the rubric. `version` is the hash of `document`: criterion, text and the grades concerned.
# `job` grades their proposals.
clarifications = Table(
    "clarifications",
    metadata,
    *record_columns(),
    Column("request", String, nullable=False, unique=True),
    *required("course", "lab", "job", "version"),
    Column("document", Text, nullable=False),
)

# What became of a clarification: `applying` before the rubric is changed, then `applied`; or `discarded`.
clarification_events = Table(
    "clarification_events",
    metadata,
    *record_columns(),
    Column("clarification", String, ForeignKey("clarifications.id"), nullable=False),
    *required("event"),
    UniqueConstraint("clarification", "event", name="clarification_events_once"),
)
