"""What is to be said in Slack: rows written in the transaction of the thing they tell of, sent by bot.reconcile.outbox.

States: pending → sending → sent; → ambiguous when nobody knows whether Slack took it (looked up before it is sent
again); → parked when its channel refuses it (tried again later); → dead when Slack will never take it.
A `card` has a subject: it is posted once, then edited; a newer version replaces one that still waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.dialect import insert_into
from bot.store.ids import new_id
from bot.store.tables import messages, outbox

BODY_VERSION = 1
"""Shape of `body`; rows of a version that this program does not know are left alone for the one that does."""


class OutboxKind(StrEnum):
    """How a row is delivered."""

    CARD = "card"
    """Posted once per subject, then edited."""
    NOTE = "note"
    """Posted, never edited: a reply in a thread, an answer to a mention."""
    WHISPER = "whisper"
    """Shown to one person."""
    RESPOND = "respond"
    """Sent to a command's response URL; shown to one person when that has expired."""


class OutboxState(StrEnum):
    """Where a row stands."""

    PENDING = "pending"
    SENDING = "sending"
    AMBIGUOUS = "ambiguous"
    SENT = "sent"
    PARKED = "parked"
    DEAD = "dead"


class Lane(StrEnum):
    """How urgent; sent in this order."""

    REPLY = "0"
    RELEASE = "1"
    ALERT = "2"
    POD = "3"


@dataclass(frozen=True, slots=True)
class Draft:
    """Something to say. `body`: {"text", "blocks", "metadata", "colour"}."""

    kind: OutboxKind
    channel: str
    body: Mapping[str, Any]
    lane: Lane = Lane.RELEASE
    subject: str | None = None
    thread_subject: str | None = None
    """Subject of the card under which a note is posted; it waits until that card stands."""
    thread_ts: str | None = None
    user_id: str | None = None
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A row on its way."""

    id: str
    kind: OutboxKind
    state: OutboxState
    channel: str
    subject: str | None
    thread_subject: str | None
    thread_ts: str | None
    user_id: str | None
    response_url: str | None = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    attempts: int
    looks: int
    created_at: datetime
    sending_since: datetime | None
    error: str | None
    stands: bool = False
    """Its subject has a message already: delivering it means editing that one. Told by `due` only."""


@dataclass(frozen=True, slots=True)
class Posted:
    """The message of a subject."""

    channel: str
    ts: str
    outbox_id: str


async def add(connection: AsyncConnection, draft: Draft, *, now: datetime) -> None:
    """Say it later. A card whose last version still waits is replaced by this one."""
    if draft.subject is not None and draft.kind is OutboxKind.CARD:
        replaced = await connection.execute(
            update(outbox)
            .where(
                outbox.c.subject == draft.subject,
                outbox.c.kind == OutboxKind.CARD,
                outbox.c.state.in_([OutboxState.PENDING, OutboxState.PARKED]),
            )
            .values(body=dict(draft.body), channel=draft.channel, body_version=BODY_VERSION)
        )
        if replaced.rowcount:
            return
    await connection.execute(
        outbox.insert().values(
            id=new_id(now),
            kind=draft.kind,
            subject=draft.subject,
            channel=draft.channel,
            thread_subject=draft.thread_subject,
            thread_ts=draft.thread_ts,
            user_id=draft.user_id,
            response_url=draft.response_url,
            priority=int(draft.lane),
            body=dict(draft.body),
            body_version=BODY_VERSION,
            state=OutboxState.PENDING,
            attempts=0,
            looks=0,
            created_at=now,
        )
    )


def _has_open_elder() -> ColumnElement[bool]:
    """An older row of the same subject is not settled: two at once could be posted twice, or in the wrong order."""
    elder = outbox.alias()
    statement = select(elder.c.id).where(
        elder.c.subject == outbox.c.subject,
        elder.c.id < outbox.c.id,
        elder.c.state.in_([OutboxState.PENDING, OutboxState.SENDING, OutboxState.AMBIGUOUS, OutboxState.PARKED]),
    )
    return statement.correlate(outbox).exists()


async def due(connection: AsyncConnection, *, now: datetime, limit: int = 200) -> Sequence[OutboxRow]:
    """Rows that may go now, most urgent and oldest first. An open subject holds back its later versions."""
    statement = (
        select(outbox, messages.c.ts.is_not(None).label("stands"))
        .outerjoin(messages, messages.c.subject == outbox.c.subject)
        .where(
            outbox.c.state.in_([OutboxState.PENDING, OutboxState.AMBIGUOUS, OutboxState.PARKED]),
            outbox.c.body_version <= BODY_VERSION,
            (outbox.c.not_before.is_(None)) | (outbox.c.not_before <= now),
            ~_has_open_elder(),
        )
        .order_by(outbox.c.priority, outbox.c.id)
        .limit(limit)
    )
    return [_row(row) for row in (await connection.execute(statement)).mappings()]


async def next_due_at(connection: AsyncConnection, *, after: datetime | None = None) -> datetime | None:
    """When the earliest put-off row may go; None when none is put off.

    With `after`, rows whose time came before it don't count: they are due, or held back by something that is not time,
    and a loop that slept until then would not sleep.
    """
    statement = select(func.min(outbox.c.not_before)).where(
        outbox.c.state.in_([OutboxState.PENDING, OutboxState.AMBIGUOUS, OutboxState.PARKED])
    )
    if after is not None:
        statement = statement.where(outbox.c.not_before > after)
    moment: datetime | None = (await connection.execute(statement)).scalar_one()
    return moment


async def begin(connection: AsyncConnection, row_id: str, *, now: datetime) -> OutboxRow | None:
    """Mark a row as being sent, with its newest body; None when somebody else took it or its subject is held back."""
    statement = (
        update(outbox)
        .where(
            outbox.c.id == row_id,
            outbox.c.state.in_([OutboxState.PENDING, OutboxState.PARKED]),
            ~_has_open_elder(),
        )
        .values(state=OutboxState.SENDING, attempts=outbox.c.attempts + 1, sending_since=now, not_before=None)
        .returning(outbox)
    )
    row = (await connection.execute(statement)).mappings().first()
    return _row(row) if row else None


async def settle_sent(connection: AsyncConnection, row: OutboxRow, *, posted: Posted | None, now: datetime) -> None:
    """The row is out. `posted`: the message it made; remembered as its subject's when it has one."""
    ts = posted.ts if posted else None
    await connection.execute(
        update(outbox)
        .where(outbox.c.id == row.id)
        .values(state=OutboxState.SENT, sent_at=now, slack_ts=ts, error=None, response_url=None)
    )
    if posted is not None and row.subject is not None:
        values = {"channel": posted.channel, "ts": posted.ts, "outbox_id": posted.outbox_id, "posted_at": now}
        statement = insert_into(connection, messages).values(subject=row.subject, **values)
        await connection.execute(statement.on_conflict_do_update(index_elements=[messages.c.subject], set_=values))


async def settle(
    connection: AsyncConnection,
    row_id: str,
    state: OutboxState,
    *,
    error: str,
    not_before: datetime | None = None,
    body: Mapping[str, Any] | None = None,
    looked: bool = False,
) -> None:
    """Put a row into another state, with the reason; `body` replaces what is said, `looked` counts a look-up."""
    values: dict[str, Any] = {"state": state, "error": error, "not_before": not_before}
    if body is not None:
        values["body"] = dict(body)
    if looked:
        values["looks"] = outbox.c.looks + 1
    elif state is not OutboxState.AMBIGUOUS:
        values["looks"] = 0
    await connection.execute(update(outbox).where(outbox.c.id == row_id).values(**values))


async def recover(connection: AsyncConnection, *, before: datetime) -> int:
    """Rows that a dead process left in `sending` since before `before`: their fate is open. How many."""
    statement = (
        update(outbox)
        .where(outbox.c.state == OutboxState.SENDING, outbox.c.sending_since < before)
        .values(state=OutboxState.AMBIGUOUS, looks=0, not_before=None, error="the bot stopped while sending")
    )
    return int((await connection.execute(statement)).rowcount)


async def message_of(connection: AsyncConnection, subject: str) -> Posted | None:
    """The message that stands for a subject."""
    row = (await connection.execute(select(messages).where(messages.c.subject == subject))).mappings().first()
    return Posted(row["channel"], row["ts"], row["outbox_id"]) if row else None


async def subject_of(connection: AsyncConnection, *, channel: str, ts: str) -> str | None:
    """The subject of a message, e.g. `release:01J…`; None when the message is not one of our cards."""
    statement = select(messages.c.subject).where(messages.c.channel == channel, messages.c.ts == ts)
    subject: str | None = (await connection.execute(statement)).scalar_one_or_none()
    return subject


async def forget_message(connection: AsyncConnection, subject: str) -> None:
    """The message of a subject is gone from Slack; its next version is posted anew."""
    await connection.execute(messages.delete().where(messages.c.subject == subject))


async def backlog(connection: AsyncConnection) -> tuple[int, datetime | None]:
    """How many rows wait, and since when the oldest does."""
    statement = select(func.count(), func.min(outbox.c.created_at)).where(
        outbox.c.state.in_([OutboxState.PENDING, OutboxState.SENDING, OutboxState.AMBIGUOUS])
    )
    count, oldest = (await connection.execute(statement)).one()
    return count, oldest


def _row(row: RowMapping) -> OutboxRow:
    return OutboxRow(
        id=row["id"],
        kind=OutboxKind(row["kind"]),
        state=OutboxState(row["state"]),
        channel=row["channel"],
        subject=row["subject"],
        thread_subject=row["thread_subject"],
        thread_ts=row["thread_ts"],
        user_id=row["user_id"],
        response_url=row["response_url"],
        body=row["body"],
        attempts=row["attempts"],
        looks=row["looks"],
        created_at=row["created_at"],
        sending_since=row["sending_since"],
        error=row["error"],
        stands=bool(row.get("stands", False)),
    )
