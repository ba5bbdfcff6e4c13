"""The tables of LTI (serving/lti): platforms, their deployments, courses, links and users.

Their rows change, so that the audit log has the hash of each new state; `verification.lti_rows` compares them.
"""

from typing import Any

from sqlalchemy import Column, ForeignKey, String, Table, UniqueConstraint

from serving.store.tables import metadata, optional, required

# A removed platform stays, as links and users refer to it; registering it again revives it.
# `frame_origins` and `scopes` are separated by spaces. `student_id`: which claim of a launch is the student's id.
lti_platforms = Table(
    "lti_platforms",
    metadata,
    Column("id", String, primary_key=True),
    *required("at", "actor", "name", "issuer", "client_id", "authorization_url", "token_url", "keys_url"),
    *required("token_audience", "frame_origins", "student_id"),
    Column("removed_at", String),
    UniqueConstraint("issuer", "client_id", name="lti_platforms_client"),
)


def lti_table(name: str, identity: tuple[str, ...], *columns: Any) -> Table:
    """A table of what a platform has; `identity` completes the primary key."""
    platform = Column("platform", String, ForeignKey("lti_platforms.id"), primary_key=True)
    return Table(name, metadata, platform, *(Column(each, String, primary_key=True) for each in identity), *columns)


lti_deployments = lti_table("lti_deployments", ("deployment",))

# The course of this service that a course of a platform (LTI: context) is.
lti_courses = lti_table("lti_courses", ("deployment", "context"), *required("at", "actor", "course"))

# A link in a platform's course: its lab, and the addresses of the services that its last launch named.
lti_links = lti_table(
    "lti_links",
    ("deployment", "context", "link"),
    *required("at", "scopes"),
    *optional("lab", "line_item", "line_items", "memberships"),
)

# `user` is the platform's id (LTI: sub). `student`: a pseudonym; forgetting empties it, and deletes the row of someone
# who is not a TA. `key`: that of a TA. The audit log names the row by a hash that is keyed with `secret`.
lti_users = lti_table(
    "lti_users",
    ("user", "course"),
    *required("at"),
    Column("student", String, ForeignKey("students.pseudonym"), index=True),
    Column("key", String, ForeignKey("keys.id")),
    Column("secret", String),
)

# What works once: a nonce of a launch, or the ticket of a new window. A row may be deleted once it has expired.
lti_nonces = Table(
    "lti_nonces",
    metadata,
    Column("hash", String, primary_key=True),
    Column("expires_at", String, nullable=False, index=True),
)

lti_registration_tokens = Table(
    "lti_registration_tokens",
    metadata,
    Column("token_hash", String, primary_key=True),
    *required("created_at", "expires_at"),
    Column("used_at", String),
)
