"""Pods that fall, and heal: what is watched since when, what is known of each pod, the stories, the silences."""

from alembic import op
from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String, Text

revision = "0002"
down_revision = "0001"

MOMENT = BigInteger


def upgrade() -> None:
    """Create the tables of pods."""
    op.create_table(
        "pod_watches",
        Column("environment", String(64), nullable=False),
        Column("scope", String(80), nullable=False),
        Column("baseline_at", MOMENT, nullable=False),
        Column("seen_at", MOMENT, nullable=False),
        PrimaryKeyConstraint("environment", "scope", name="pk_pod_watches"),
    )
    op.create_table(
        "pod_marks",
        Column("environment", String(64), nullable=False),
        Column("uid", String(128), nullable=False),
        Column("subject", String(400), nullable=False),
        Column("seen_at", MOMENT, nullable=False),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("environment", "uid", name="pk_pod_marks"),
    )
    op.create_index("ix_pod_marks_seen_at", "pod_marks", ["seen_at"])
    op.create_table(
        "pod_stories",
        Column("id", String(26), nullable=False),
        Column("environment", String(64), nullable=False),
        Column("subject", String(400), nullable=False),
        Column("cause", String(24), nullable=False),
        Column("opened_at", MOMENT, nullable=False),
        Column("last_fall_at", MOMENT, nullable=False),
        Column("closed_at", MOMENT),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_pod_stories"),
    )
    op.create_index("ix_pod_stories_subject", "pod_stories", ["environment", "subject", "last_fall_at"])
    op.create_index("ix_pod_stories_closed_at", "pod_stories", ["closed_at"])
    op.create_index("ix_pod_stories_opened_at", "pod_stories", ["opened_at"])
    op.create_table(
        "pod_silences",
        Column("environment", String(64), nullable=False),
        Column("subject", String(400), nullable=False),
        Column("until", MOMENT, nullable=False),
        Column("by", String(32), nullable=False),
        Column("since", MOMENT, nullable=False),
        PrimaryKeyConstraint("environment", "subject", name="pk_pod_silences"),
    )
