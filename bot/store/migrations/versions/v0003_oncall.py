"""What people want of Datadog for an alert; who was called for it; which handovers were told."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Text

revision = "0003"
down_revision = "0002"

MOMENT = BigInteger


def upgrade() -> None:
    """Create the tables of handlings, watches and handovers."""
    op.create_table(
        "handlings",
        Column("alert_id", String(26), nullable=False),
        Column("due_at", MOMENT),
        Column("row_version", Integer, nullable=False),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("alert_id", name="pk_handlings"),
    )
    op.create_index("ix_handlings_due_at", "handlings", ["due_at"])
    op.create_table(
        "oncall_watches",
        Column("subject", String(64), nullable=False),
        Column("due_at", MOMENT),
        Column("row_version", Integer, nullable=False),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("subject", name="pk_oncall_watches"),
    )
    op.create_table(
        "oncall_handovers",
        Column("duty", String(64), nullable=False),
        Column("person", String(128), nullable=False),
        Column("at", MOMENT, nullable=False),
        PrimaryKeyConstraint("duty", name="pk_oncall_handovers"),
    )
