"""Which moments of releases were told to Datadog."""

from alembic import op
from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String, Text

revision = "0005"
down_revision = "0004"

MOMENT = BigInteger


def upgrade() -> None:
    """Create the table of markers, and what finds the releases that ended lately."""
    op.create_table(
        "release_markers",
        Column("release_id", String(26), nullable=False),
        Column("moment", String(16), nullable=False),
        Column("at", MOMENT, nullable=False),
        Column("event_id", String(64), nullable=False),
        Column("problem", Text, nullable=False),
        PrimaryKeyConstraint("release_id", "moment", name="pk_release_markers"),
    )
    op.create_index("ix_releases_finished_at", "releases", ["finished_at"])
