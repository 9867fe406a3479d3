"""The first tables: requests, releases, locks, approvals, messages and the outbox, the audit chain.

Written out in full and never changed: tables.py moves on, this stays what it was.
"""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Text, UniqueConstraint

revision = "0001"
down_revision = None

SERIAL = BigInteger().with_variant(Integer, "sqlite")
MOMENT = BigInteger


def upgrade() -> None:
    """Create everything."""
    op.create_table(
        "inbox",
        Column("id", SERIAL, nullable=False, autoincrement=True),
        Column("source", String(16), nullable=False),
        Column("key", String(512), nullable=False),
        Column("payload", Text, nullable=False),
        Column("state", String(16), nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("received_at", MOMENT, nullable=False),
        Column("not_before", MOMENT),
        Column("done_at", MOMENT),
        Column("outcome", Text),
        PrimaryKeyConstraint("id", name="pk_inbox"),
        UniqueConstraint("source", "key", name="uq_inbox_source_key"),
    )
    op.create_index("ix_inbox_state_id", "inbox", ["state", "id"])
    op.create_index("ix_inbox_done_at", "inbox", ["done_at"])
    op.create_table(
        "releases",
        Column("id", String(26), nullable=False),
        Column("request_key", String(512), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("environment", String(64), nullable=False),
        Column("service", String(64), nullable=False),
        Column("phase", String(24), nullable=False),
        Column("step", Integer, nullable=False),
        Column("row_version", Integer, nullable=False),
        Column("requested_by", String(32), nullable=False),
        Column("requested_at", MOMENT, nullable=False),
        Column("started_at", MOMENT),
        Column("finished_at", MOMENT),
        Column("from_version", String(256), nullable=False),
        Column("to_version", String(256), nullable=False),
        Column("claimed_by", String(160)),
        Column("claim_until", MOMENT),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_releases"),
        UniqueConstraint("request_key", name="uq_releases_request_key"),
    )
    op.create_index("ix_releases_target_requested", "releases", ["environment", "service", "requested_at"])
    op.create_index("ix_releases_requested_at", "releases", ["requested_at"])
    op.create_index("ix_releases_phase", "releases", ["phase"])
    op.create_table(
        "locks",
        Column("target", String(160), nullable=False),
        Column("fence", Integer, nullable=False),
        Column("release_id", String(26)),
        Column("owner", String(32)),
        Column("since", MOMENT),
        PrimaryKeyConstraint("target", name="pk_locks"),
    )
    op.create_table(
        "approvals",
        Column("release_id", String(26), nullable=False),
        Column("user_id", String(32), nullable=False),
        Column("plan_hash", String(64), nullable=False),
        Column("at", MOMENT, nullable=False),
        PrimaryKeyConstraint("release_id", "user_id", name="pk_approvals"),
    )
    op.create_table(
        "messages",
        Column("subject", String(512), nullable=False),
        Column("channel", String(80), nullable=False),
        Column("ts", String(32), nullable=False),
        Column("outbox_id", String(26), nullable=False),
        Column("posted_at", MOMENT, nullable=False),
        PrimaryKeyConstraint("subject", name="pk_messages"),
    )
    op.create_index("ix_messages_channel_ts", "messages", ["channel", "ts"])
    _outbox()
    _audit()


def _outbox() -> None:
    op.create_table(
        "outbox",
        Column("id", String(26), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("subject", String(512)),
        Column("channel", String(80), nullable=False),
        Column("thread_subject", String(512)),
        Column("thread_ts", String(32)),
        Column("user_id", String(32)),
        Column("response_url", Text),
        Column("priority", Integer, nullable=False),
        Column("body", Text, nullable=False),
        Column("body_version", Integer, nullable=False),
        Column("state", String(16), nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("looks", Integer, nullable=False),
        Column("created_at", MOMENT, nullable=False),
        Column("not_before", MOMENT),
        Column("sending_since", MOMENT),
        Column("sent_at", MOMENT),
        Column("slack_ts", String(32)),
        Column("error", Text),
        PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_state_priority_id", "outbox", ["state", "priority", "id"])
    op.create_index("ix_outbox_subject_state", "outbox", ["subject", "state"])


def _audit() -> None:
    op.create_table(
        "audit",
        Column("seq", SERIAL, nullable=False, autoincrement=False),
        Column("at", MOMENT, nullable=False),
        Column("actor", String(64), nullable=False),
        Column("action", String(64), nullable=False),
        Column("target", Text, nullable=False),
        Column("release_id", String(26), nullable=False),
        Column("plan_hash", String(64), nullable=False),
        Column("phase", String(16), nullable=False),
        Column("reason", Text, nullable=False),
        Column("prev_hash", String(64), nullable=False),
        Column("hash", String(64), nullable=False),
        PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_table(
        "audit_head",
        Column("id", Integer, nullable=False, autoincrement=False),
        Column("seq", BigInteger, nullable=False),
        Column("hash", String(64), nullable=False),
        PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
