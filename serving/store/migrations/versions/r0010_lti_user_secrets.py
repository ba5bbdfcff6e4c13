"""A secret for each LTI user, with which the audit log names the row."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("lti_users", sa.Column("secret", sa.String))
    names = [sa.column(name, sa.String) for name in ("platform", "user", "course")]
    users, connection = sa.table("lti_users", *names, sa.column("secret", sa.String)), op.get_bind()
    for row in connection.execute(sa.select(*names).select_from(users)).all():
        same = [users.c[name] == getattr(row, name) for name in ("platform", "user", "course")]
        connection.execute(sa.update(users).where(*same).values(secret=secrets.token_hex(32)))
