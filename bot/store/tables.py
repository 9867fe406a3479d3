"""Tables of the database, for SQLite and PostgreSQL alike. Statements stand in the file of their noun.

Times are stored as whole milliseconds since 1970 UTC: SQLite would give naive local datetimes back.
JSON is stored as text, so that both databases keep the same bytes.
"""

import json
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as integer milliseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime: moments are stored in UTC and must say so")
        return round(value.timestamp() * 1000)

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


def storable(text: str) -> str:
    """Text as both databases can keep it: PostgreSQL refuses NUL, UTF-8 has no halves of surrogate pairs."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


class Words(TypeDecorator[str]):
    """What people or other systems wrote, of any length, made storable."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else storable(value)


class Json(TypeDecorator[Any]):
    """A JSON value, stored as text. Half surrogate pairs in its strings become question marks."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        if value is None:
            return None
        try:
            return orjson.dumps(value).decode()
        except TypeError:  # orjson refuses half pairs, which Slack's JSON may hold; it also refuses what is no JSON
            return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return None if value is None else orjson.loads(value)


Serial = BigInteger().with_variant(Integer, "sqlite")
"""Integer key that the database counts up; SQLite counts only columns typed exactly INTEGER."""

inbox = Table(
    "inbox",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("source", String(16), nullable=False),
    Column("key", String(512), nullable=False),
    Column("payload", Json, nullable=False),
    Column("state", String(16), nullable=False),  # pending | running | done
    Column("attempts", Integer, nullable=False, default=0),
    Column("received_at", Moment, nullable=False),
    Column("not_before", Moment),
    Column("done_at", Moment),
    Column("outcome", Words),
    UniqueConstraint("source", "key"),
    Index("ix_inbox_state_id", "state", "id"),
    Index("ix_inbox_done_at", "done_at"),
)

releases = Table(
    "releases",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("request_key", String(512), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("phase", String(24), nullable=False),
    Column("step", Integer, nullable=False),
    Column("row_version", Integer, nullable=False),
    Column("requested_by", String(32), nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("from_version", String(256), nullable=False),
    Column("to_version", String(256), nullable=False),
    Column("claimed_by", String(160)),
    Column("claim_until", Moment),
    Column("body", Json, nullable=False),
    Index("ix_releases_target_requested", "environment", "service", "requested_at"),
    Index("ix_releases_requested_at", "requested_at"),
    Index("ix_releases_phase", "phase"),
    Index("ix_releases_finished_at", "finished_at"),
)

locks = Table(
    "locks",
    metadata,
    Column("target", String(160), primary_key=True),
    Column("fence", Integer, nullable=False),
    Column("release_id", String(26)),
    Column("owner", String(32)),
    Column("since", Moment),
)

approvals = Table(
    "approvals",
    metadata,
    Column("release_id", String(26), primary_key=True),
    Column("user_id", String(32), primary_key=True),
    Column("plan_hash", String(64), nullable=False),
    Column("at", Moment, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("subject", String(512), primary_key=True),
    Column("channel", String(80), nullable=False),
    Column("ts", String(32), nullable=False),
    Column("outbox_id", String(26), nullable=False),
    Column("posted_at", Moment, nullable=False),
    Index("ix_messages_channel_ts", "channel", "ts"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("kind", String(16), nullable=False),  # card | note | whisper | respond
    Column("subject", String(512)),
    Column("channel", String(80), nullable=False),
    Column("thread_subject", String(512)),
    Column("thread_ts", String(32)),
    Column("user_id", String(32)),
    Column("response_url", Text),
    Column("priority", Integer, nullable=False),
    Column("body", Json, nullable=False),
    Column("body_version", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # pending | sending | ambiguous | sent | parked | dead
    Column("attempts", Integer, nullable=False, default=0),
    Column("looks", Integer, nullable=False, default=0),
    Column("created_at", Moment, nullable=False),
    Column("not_before", Moment),
    Column("sending_since", Moment),
    Column("sent_at", Moment),
    Column("slack_ts", String(32)),
    Column("error", Words),
    Index("ix_outbox_state_priority_id", "state", "priority", "id"),
    Index("ix_outbox_subject_state", "subject", "state"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", Words, nullable=False),
    Column("release_id", String(26), nullable=False),
    Column("plan_hash", String(64), nullable=False),
    Column("phase", String(16), nullable=False),  # request | intent | result | denied
    Column("reason", Words, nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

pod_watches = Table(
    "pod_watches",
    metadata,
    Column("environment", String(64), primary_key=True),
    Column("scope", String(80), primary_key=True),  # what is watched: kind and namespace
    Column("baseline_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

pod_marks = Table(
    "pod_marks",
    metadata,
    Column("environment", String(64), primary_key=True),
    Column("uid", String(128), primary_key=True),
    Column("subject", String(400), nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_pod_marks_seen_at", "seen_at"),
)

pod_stories = Table(
    "pod_stories",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("environment", String(64), nullable=False),
    Column("subject", String(400), nullable=False),
    Column("cause", String(24), nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("last_fall_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("body", Json, nullable=False),
    Index("ix_pod_stories_subject", "environment", "subject", "last_fall_at"),
    Index("ix_pod_stories_closed_at", "closed_at"),
    Index("ix_pod_stories_opened_at", "opened_at"),
)

pod_silences = Table(
    "pod_silences",
    metadata,
    Column("environment", String(64), primary_key=True),
    Column("subject", String(400), primary_key=True),
    Column("until", Moment, nullable=False),
    Column("by", String(32), nullable=False),
    Column("since", Moment, nullable=False),
)

handlings = Table(
    "handlings",
    metadata,
    Column("alert_id", String(26), primary_key=True),
    Column("due_at", Moment),
    Column("row_version", Integer, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_handlings_due_at", "due_at"),
)

oncall_watches = Table(
    "oncall_watches",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("due_at", Moment),
    Column("row_version", Integer, nullable=False),
    Column("body", Json, nullable=False),
)

oncall_handovers = Table(
    "oncall_handovers",
    metadata,
    Column("duty", String(64), primary_key=True),
    Column("person", String(128), nullable=False),
    Column("at", Moment, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("key", String(80), nullable=False),  # of the monitor's group
    Column("head_key", String(80), unique=True),  # the same, for the group's newest cycle; NULL for those before it
    Column("monitor_id", String(32), nullable=False),
    Column("environment", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("channel", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("storm_id", String(26), nullable=False),
    Column("listed", String(16), nullable=False),
    Column("card_due", Moment),
    Column("row_version", Integer, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_alerts_key", "key", "seen_at"),
    Index("ix_alerts_seen_at", "seen_at", "channel", "monitor_id", "storm_id"),
    Index("ix_alerts_closed_at", "closed_at"),
    Index("ix_alerts_opened_at", "opened_at"),
    Index("ix_alerts_card_due", "card_due"),
    Index("ix_alerts_storm_id", "storm_id", "state", "listed"),
)

storms = Table(
    "storms",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("open_key", String(128), unique=True),  # channel and monitor, while it takes new alerts
    Column("channel", String(80), nullable=False),
    Column("closed_at", Moment),
    Column("card_due", Moment),
    Column("body", Json, nullable=False),
    Index("ix_storms_closed_at", "closed_at"),
)

release_markers = Table(
    "release_markers",
    metadata,
    Column("release_id", String(26), primary_key=True),
    Column("moment", String(16), primary_key=True),  # started | finished
    Column("at", Moment, nullable=False),
    Column("event_id", String(64), nullable=False),
    Column("problem", Words, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("open_key", String(160), unique=True),  # kind and place while it holds; NULL when it is over
    Column("environment", String(64), nullable=False),
    Column("since", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("row_version", Integer, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_holds_ended_at", "ended_at"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("open_key", String(200), unique=True),  # target and person while they stand in line; NULL when it is over
    Column("environment", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("ended_at", Moment),
    Column("row_version", Integer, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_tickets_target", "environment", "service", "ended_at"),
    Index("ix_tickets_ended_at", "ended_at"),
)

emergencies = Table(
    "emergencies",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("open_key", String(64), unique=True),  # the environment while it lasts; NULL when it is over
    Column("environment", String(64), nullable=False),
    Column("since", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("row_version", Integer, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_emergencies_ended_at", "ended_at"),
)

freezes = Table(
    "freezes",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("open_key", String(64), unique=True),  # the environment while it lasts; NULL when it is over
    Column("environment", String(64), nullable=False),
    Column("reason", Words, nullable=False),
    Column("by", String(32), nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment),
    Column("ended_at", Moment),
    Column("ended_by", String(64)),
    Index("ix_freezes_ended_at", "ended_at"),
)

used_approvals = Table(
    "used_approvals",
    metadata,
    Column("release_id", String(26), primary_key=True),
    Column("plan_hash", String(64), nullable=False),
    Column("at", Moment, nullable=False),
)

reviews = Table(
    "reviews",
    metadata,
    Column("release_id", String(26), primary_key=True),
    Column("environment", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("version", String(256), nullable=False),
    Column("by", String(32), nullable=False),
    Column("reason", Words, nullable=False),
    Column("passed", Words, nullable=False),  # which rules were gone past, in words
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("closed_by", String(32)),
    Column("words", Words),
    Index("ix_reviews_closed_at", "closed_at"),
)
