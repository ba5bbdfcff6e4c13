"""The journal of deliveries to course platforms, and the mappings of rubrics."""

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.versions.r0001_initial import POSTGRESQL_TRIGGER, SQLITE_TRIGGER, TRUNCATE_TRIGGER

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False, unique=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("at", "actor", "target")),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), nullable=False),
        sa.Column("grade", sa.String, sa.ForeignKey("grades.id"), nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("event", "code", "revision", "content")),
    )
    op.create_index("ix_deliveries_target", "deliveries", ["target", "student"])
    op.create_table(
        "delivery_mappings",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        *(
            sa.Column(name, sa.String, nullable=False)
            for name in ("at", "actor", "target", "lab", "fingerprint", "version")
        ),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_delivery_mappings_target", "delivery_mappings", ["target"])
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in ("deliveries", "delivery_mappings"):
        for event in ("UPDATE", "DELETE"):
            op.execute((POSTGRESQL_TRIGGER if postgresql else SQLITE_TRIGGER).format(table=table, event=event))
        if postgresql:
            op.execute(TRUNCATE_TRIGGER.format(table=table))
