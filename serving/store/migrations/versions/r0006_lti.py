"""LTI: platforms, their deployments, courses, links and users, used nonces, tokens of dynamic registration."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def _required(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String, nullable=False) for name in names]


def _keys(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String, primary_key=True) for name in names]


def _platform() -> sa.Column[str]:
    return sa.Column("platform", sa.String, sa.ForeignKey("lti_platforms.id"), primary_key=True)


def upgrade() -> None:
    op.create_table(
        "lti_platforms",
        *_keys("id"),
        *_required("at", "actor", "name", "issuer", "client_id", "authorization_url", "token_url", "keys_url"),
        *_required("token_audience", "frame_origins", "student_id"),
        sa.Column("removed_at", sa.String),
        sa.UniqueConstraint("issuer", "client_id", name="lti_platforms_client"),
    )
    op.create_table("lti_deployments", _platform(), *_keys("deployment"))
    op.create_table("lti_courses", _platform(), *_keys("deployment", "context"), *_required("at", "actor", "course"))
    op.create_table(
        "lti_links",
        _platform(),
        *_keys("deployment", "context", "link"),
        *_required("at", "scopes"),
        *(sa.Column(name, sa.String) for name in ("lab", "line_item", "line_items", "memberships")),
    )
    op.create_table(
        "lti_users",
        _platform(),
        *_keys("user", "course"),
        *_required("at"),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym")),
        sa.Column("key", sa.String, sa.ForeignKey("keys.id")),
    )
    op.create_index("ix_lti_users_student", "lti_users", ["student"])
    op.create_table("lti_nonces", *_keys("hash"), *_required("expires_at"))
    op.create_index("ix_lti_nonces_expires_at", "lti_nonces", ["expires_at"])
    op.create_table(
        "lti_registration_tokens",
        *_keys("token_hash"),
        *_required("created_at", "expires_at"),
        sa.Column("used_at", sa.String),
    )
