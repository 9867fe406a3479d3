"""Alerts, one row per cycle of a monitor's group, and the storms that tell of many at once."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Text, UniqueConstraint

revision = "0004"
down_revision = "0003"

MOMENT = BigInteger


def upgrade() -> None:
    """Create the tables of alerts and storms."""
    op.create_table(
        "alerts",
        Column("id", String(26), nullable=False),
        Column("key", String(80), nullable=False),
        Column("head_key", String(80)),
        Column("monitor_id", String(32), nullable=False),
        Column("environment", Text, nullable=False),
        Column("service", Text, nullable=False),
        Column("channel", String(80), nullable=False),
        Column("state", String(16), nullable=False),
        Column("seen_at", MOMENT, nullable=False),
        Column("opened_at", MOMENT, nullable=False),
        Column("closed_at", MOMENT),
        Column("storm_id", String(26), nullable=False),
        Column("listed", String(16), nullable=False),
        Column("card_due", MOMENT),
        Column("row_version", Integer, nullable=False),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_alerts"),
        UniqueConstraint("head_key", name="uq_alerts_head_key"),
    )
    op.create_index("ix_alerts_key", "alerts", ["key", "seen_at"])
    op.create_index("ix_alerts_seen_at", "alerts", ["seen_at", "channel", "monitor_id", "storm_id"])
    op.create_index("ix_alerts_closed_at", "alerts", ["closed_at"])
    op.create_index("ix_alerts_opened_at", "alerts", ["opened_at"])
    op.create_index("ix_alerts_card_due", "alerts", ["card_due"])
    op.create_index("ix_alerts_storm_id", "alerts", ["storm_id", "state", "listed"])
    op.create_table(
        "storms",
        Column("id", String(26), nullable=False),
        Column("open_key", String(128)),
        Column("channel", String(80), nullable=False),
        Column("closed_at", MOMENT),
        Column("card_due", MOMENT),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_storms"),
        UniqueConstraint("open_key", name="uq_storms_open_key"),
    )
    op.create_index("ix_storms_closed_at", "storms", ["closed_at"])
