"""What rules releases need: an audit trail that only grows; locks of people, lines before targets, emergencies."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Text, UniqueConstraint

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Everything of this revision; each part stands in a function of its own."""
    _guard_the_audit_trail()
    _keep_holds_and_lines()
    _keep_freezes_and_reviews()


def _guard_the_audit_trail() -> None:
    """Triggers that refuse to change, delete or replace an audit row, or to wind the head back."""
    for statement in _AUDIT_GUARDS[op.get_bind().dialect.name]:
        op.execute(statement)


_AUDIT_GUARDS = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END",
        "CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq) "
        "BEGIN SELECT RAISE(ABORT, 'audit rows are never replaced'); END",
        "CREATE TRIGGER audit_head_no_rewind BEFORE UPDATE ON audit_head WHEN NEW.seq < OLD.seq "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is never wound back'); END",
        "CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is never wound back'); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit rows are never changed or deleted'; END $$",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION audit_only_grows()",
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()",
        "CREATE TRIGGER audit_head_no_rewind BEFORE UPDATE ON audit_head FOR EACH ROW "
        "WHEN (NEW.seq < OLD.seq) EXECUTE FUNCTION audit_only_grows()",
        "CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head "
        "FOR EACH ROW EXECUTE FUNCTION audit_only_grows()",
        "CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()",
    ),
}


def _keep_holds_and_lines() -> None:
    """People's locks and those that rollbacks leave, who waits in line for a target, emergencies."""
    op.create_table(
        "holds",
        Column("id", String(26), nullable=False),
        Column("open_key", String(160)),
        Column("environment", String(64), nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("ended_at", BigInteger),
        Column("row_version", Integer, nullable=False),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_holds"),
        UniqueConstraint("open_key", name="uq_holds_open_key"),
    )
    op.create_index("ix_holds_ended_at", "holds", ["ended_at"])
    op.create_table(
        "tickets",
        Column("id", String(26), nullable=False),
        Column("open_key", String(200)),
        Column("environment", String(64), nullable=False),
        Column("service", String(64), nullable=False),
        Column("ended_at", BigInteger),
        Column("row_version", Integer, nullable=False),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_tickets"),
        UniqueConstraint("open_key", name="uq_tickets_open_key"),
    )
    op.create_index("ix_tickets_target", "tickets", ["environment", "service", "ended_at"])
    op.create_index("ix_tickets_ended_at", "tickets", ["ended_at"])
    op.create_table(
        "emergencies",
        Column("id", String(26), nullable=False),
        Column("open_key", String(64)),
        Column("environment", String(64), nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("ended_at", BigInteger),
        Column("row_version", Integer, nullable=False),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_emergencies"),
        UniqueConstraint("open_key", name="uq_emergencies_open_key"),
    )
    op.create_index("ix_emergencies_ended_at", "emergencies", ["ended_at"])


def _keep_freezes_and_reviews() -> None:
    """Freezes that people set, what broke the glass, and which approvals were used."""
    op.create_table(
        "freezes",
        Column("id", String(26), nullable=False),
        Column("open_key", String(64)),
        Column("environment", String(64), nullable=False),
        Column("reason", Text, nullable=False),
        Column("by", String(32), nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("until", BigInteger),
        Column("ended_at", BigInteger),
        Column("ended_by", String(64)),
        PrimaryKeyConstraint("id", name="pk_freezes"),
        UniqueConstraint("open_key", name="uq_freezes_open_key"),
    )
    op.create_index("ix_freezes_ended_at", "freezes", ["ended_at"])
    op.create_table(
        "reviews",
        Column("release_id", String(26), nullable=False),
        Column("environment", String(64), nullable=False),
        Column("service", String(64), nullable=False),
        Column("version", String(256), nullable=False),
        Column("by", String(32), nullable=False),
        Column("reason", Text, nullable=False),
        Column("passed", Text, nullable=False),
        Column("opened_at", BigInteger, nullable=False),
        Column("closed_at", BigInteger),
        Column("closed_by", String(32)),
        Column("words", Text),
        PrimaryKeyConstraint("release_id", name="pk_reviews"),
    )
    op.create_index("ix_reviews_closed_at", "reviews", ["closed_at"])
    op.create_table(
        "used_approvals",
        Column("release_id", String(26), nullable=False),
        Column("plan_hash", String(64), nullable=False),
        Column("at", BigInteger, nullable=False),
        PrimaryKeyConstraint("release_id", name="pk_used_approvals"),
    )
