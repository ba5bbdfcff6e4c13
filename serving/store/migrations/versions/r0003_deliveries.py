"""The journal of deliveries to course platforms, and the mappings of rubrics."""

import sqlalchemy as sa
from alembic import op

from serving.store.migrations.building import append_only, audited, required

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "deliveries",
        *audited("target"),
        sa.Column("student", sa.String, sa.ForeignKey("students.pseudonym"), nullable=False),
        sa.Column("grade", sa.String, sa.ForeignKey("grades.id"), nullable=False),
        *required("event", "code", "revision", "content"),
    )
    op.create_index("ix_deliveries_target", "deliveries", ["target", "student"])
    op.create_table(
        "delivery_mappings",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        *required("at", "actor", "target", "lab", "fingerprint", "version"),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_delivery_mappings_target", "delivery_mappings", ["target"])
    append_only("deliveries", "delivery_mappings")
