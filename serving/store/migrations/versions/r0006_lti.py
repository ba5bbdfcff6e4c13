"""LTI: platforms, their deployments, courses, links and users, used nonces, tokens of dynamic registration."""

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.building import keys, optional, required

revision = "0006"
down_revision = "0005"


def _platform() -> sa.Column[str]:
    return sa.Column("platform", sa.String, sa.ForeignKey("lti_platforms.id"), primary_key=True)


def upgrade() -> None:
    op.create_table(
        "lti_platforms",
        *keys("id"),
        *required("at", "actor", "name", "issuer", "client_id", "authorization_url", "token_url", "keys_url"),
        *required("token_audience", "frame_origins", "student_id"),
        sa.Column("removed_at", sa.String),
        sa.UniqueConstraint("issuer", "client_id", name="lti_platforms_client"),
    )
    op.create_table("lti_deployments", _platform(), *keys("deployment"))
    op.create_table("lti_courses", _platform(), *keys("deployment", "context"), *required("at", "actor", "course"))
    op.create_table(
        "lti_links",
        _platform(),
        *keys("deployment", "context", "link"),
        *required("at", "scopes"),
        *optional("lab", "line_item", "line_items", "memberships"),
    )
    op.create_table(
        "lti_users",
        _platform(),
        *keys("user", "course"),
        *required("at"),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym")),
        sa.Column("key", sa.String, sa.ForeignKey("keys.id")),
    )
    op.create_index("ix_lti_users_student", "lti_users", ["student"])
    op.create_table("lti_nonces", *keys("hash"), *required("expires_at"))
    op.create_index("ix_lti_nonces_expires_at", "lti_nonces", ["expires_at"])
    op.create_table(
        "lti_registration_tokens",
        *keys("token_hash"),
        *required("created_at", "expires_at"),
        sa.Column("used_at", sa.String),
    )
