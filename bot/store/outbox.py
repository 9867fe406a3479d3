"""What is to be said in Slack: rows written in the transaction of the thing they tell of, sent by bot.reconcile.outbox.

States: pending → sending → sent; → ambiguous when nobody knows whether Slack took it (looked up before it is sent
again); → parked when its channel refuses it (tried again later); → dead when Slack will never take it.
A `card` has a subject: it is posted once, then edited; a newer version replaces one that still waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.ids import new_id
from bot.store.messages import Posted, remember
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


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that may go now, without what it says: as much as is needed to choose among many."""

    id: str
    kind: OutboxKind
    state: OutboxState
    channel: str
    user_id: str | None
    stands: bool
    """Its subject has a message already: delivering it means editing that one."""
    waits_for_card: bool
    """It belongs under a card that is not posted yet."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A row that is out, and the message it made or changed, if that can be found again."""

    row: OutboxRow
    posted: Posted | None


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
    await add_new(connection, [draft], now=now)


async def add_new(connection: AsyncConnection, drafts: Sequence[Draft], *, now: datetime) -> None:
    """Say all that later, in this order; nothing that waits is replaced."""
    if drafts:
        await connection.execute(_insertion(), [_values(draft, now) for draft in drafts])


async def add_begun(connection: AsyncConnection, drafts: Sequence[Draft], *, now: datetime) -> Sequence[OutboxRow]:
    """Keep drafts that the caller sends itself, right after the commit; nobody else will, unless this process dies."""
    begun = {"state": OutboxState.SENDING, "attempts": 1, "sending_since": now}
    values = [_values(draft, now) | begun for draft in drafts]
    if values:
        await connection.execute(_insertion(), values)
    return [
        OutboxRow(
            id=each["id"],
            kind=draft.kind,
            state=OutboxState.SENDING,
            channel=draft.channel,
            subject=draft.subject,
            thread_subject=draft.thread_subject,
            thread_ts=draft.thread_ts,
            user_id=draft.user_id,
            response_url=draft.response_url,
            body=draft.body,
            attempts=1,
            looks=0,
            created_at=now,
            sending_since=now,
            error=None,
        )
        for draft, each in zip(drafts, values, strict=True)
    ]


@cache
def _insertion() -> Any:
    return outbox.insert()


def _values(draft: Draft, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(now),
        "kind": draft.kind,
        "subject": draft.subject,
        "channel": draft.channel,
        "thread_subject": draft.thread_subject,
        "thread_ts": draft.thread_ts,
        "user_id": draft.user_id,
        "response_url": draft.response_url,
        "priority": int(draft.lane),
        "body": draft.body,
        "body_version": BODY_VERSION,
        "state": OutboxState.PENDING,
        "attempts": 0,
        "looks": 0,
        "created_at": now,
    }


def _has_open_elder() -> ColumnElement[bool]:
    """An older row of the same subject is not settled: two at once could be posted twice, or in the wrong order."""
    elder = outbox.alias()
    statement = select(elder.c.id).where(
        elder.c.subject == outbox.c.subject,
        elder.c.id < outbox.c.id,
        elder.c.state.in_([OutboxState.PENDING, OutboxState.SENDING, OutboxState.AMBIGUOUS, OutboxState.PARKED]),
    )
    return statement.correlate(outbox).exists()


async def due(connection: AsyncConnection, *, now: datetime, limit: int = 200) -> Sequence[Waiting]:
    """Rows that may go now, most urgent and oldest first. An open subject holds back its later versions."""
    found = await connection.execute(_due(), {"at": now, "most": limit})
    return [
        Waiting(row_id, OutboxKind(kind), OutboxState(state), channel, user_id, bool(stands), bool(waits))
        for row_id, kind, state, channel, user_id, stands, waits in found.all()
    ]


@cache
def _due() -> Any:
    """The statement of `due`, kept: making it anew costs more than running it."""
    parent = messages.alias()
    return (
        select(
            outbox.c.id,
            outbox.c.kind,
            outbox.c.state,
            outbox.c.channel,
            outbox.c.user_id,
            messages.c.ts.is_not(None).label("stands"),
            (outbox.c.thread_subject.is_not(None) & parent.c.ts.is_(None)).label("waits_for_card"),
        )
        .outerjoin(messages, messages.c.subject == outbox.c.subject)
        .outerjoin(parent, parent.c.subject == outbox.c.thread_subject)
        .where(
            outbox.c.state.in_([OutboxState.PENDING, OutboxState.AMBIGUOUS, OutboxState.PARKED]),
            outbox.c.body_version <= BODY_VERSION,
            outbox.c.not_before.is_(None) | (outbox.c.not_before <= bindparam("at", type_=outbox.c.not_before.type)),
            ~_has_open_elder(),
        )
        .order_by(outbox.c.priority, outbox.c.id)
        .limit(bindparam("most", type_=Integer))
    )


async def rows(connection: AsyncConnection, ids: Sequence[str]) -> Sequence[OutboxRow]:
    """These rows, in this order."""
    if not ids:
        return []
    found = await connection.execute(select(*_COLUMNS).where(outbox.c.id.in_(ids)))
    return _in_order([_row(row) for row in found.all()], ids)


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


async def begin(connection: AsyncConnection, ids: Sequence[str], *, now: datetime) -> Sequence[OutboxRow]:
    """Mark rows as being sent; as they are now, with their newest bodies, in the order of `ids`.

    Left out is what somebody else took, and what its subject holds back.
    """
    if not ids:
        return []
    found = await connection.execute(_beginning(), {"ids": list(ids), "at": now})
    return _in_order([_row(row) for row in found.all()], ids)


@cache
def _beginning() -> Any:
    return (
        update(outbox)
        .where(
            outbox.c.id.in_(bindparam("ids", expanding=True)),
            outbox.c.state.in_([OutboxState.PENDING, OutboxState.PARKED]),
            ~_has_open_elder(),
        )
        .values(
            state=OutboxState.SENDING, attempts=outbox.c.attempts + 1, sending_since=bindparam("at"), not_before=None
        )
        .returning(*_COLUMNS)
    )


async def settle_sent(connection: AsyncConnection, delivered: Sequence[Delivered], *, now: datetime) -> None:
    """Rows are out; a message is remembered as its subject's when the row has one."""
    if not delivered:
        return
    sent = [{"row_id": each.row.id, "at": now, "ts": each.posted and each.posted.ts} for each in delivered]
    await connection.execute(_sending_end(), sent)
    for each in delivered:
        if each.posted is not None and each.row.subject is not None:
            await remember(connection, each.row.subject, each.posted, now=now)


@cache
def _sending_end() -> Any:
    return (
        update(outbox)
        .where(outbox.c.id == bindparam("row_id"))
        .values(
            state=OutboxState.SENT, sent_at=bindparam("at"), slack_ts=bindparam("ts"), error=None, response_url=None
        )
    )


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


async def has_subject(connection: AsyncConnection, subject: str) -> bool:
    """Whether there is a row of that subject, in whatever state."""
    found = await connection.execute(select(outbox.c.id).where(outbox.c.subject == subject).limit(1))
    return found.first() is not None


async def open_in_thread(connection: AsyncConnection, thread_subject: str) -> int:
    """How many rows are on their way into a card's thread."""
    statement = (
        select(func.count())
        .select_from(outbox)
        .where(
            outbox.c.thread_subject == thread_subject,
            outbox.c.state.in_([OutboxState.PENDING, OutboxState.SENDING, OutboxState.AMBIGUOUS, OutboxState.PARKED]),
        )
    )
    return int((await connection.execute(statement)).scalar_one())


async def backlog(connection: AsyncConnection) -> tuple[int, datetime | None]:
    """How many rows wait, and since when the oldest does."""
    statement = select(func.count(), func.min(outbox.c.created_at)).where(
        outbox.c.state.in_([OutboxState.PENDING, OutboxState.SENDING, OutboxState.AMBIGUOUS])
    )
    count, oldest = (await connection.execute(statement)).one()
    return count, oldest


_COLUMNS = tuple(
    outbox.c[name]
    for name in (
        *("id", "kind", "state", "channel", "subject", "thread_subject", "thread_ts", "user_id", "response_url"),
        *("body", "attempts", "looks", "created_at", "sending_since", "error"),
    )
)
"""In the order of OutboxRow's fields."""


def _row(row: Row[Any]) -> OutboxRow:
    row_id, kind, state, *others = tuple[Any, ...](row)
    return OutboxRow(row_id, OutboxKind(kind), OutboxState(state), *others)


def _in_order(found: Sequence[OutboxRow], ids: Sequence[str]) -> Sequence[OutboxRow]:
    by_id = {row.id: row for row in found}
    return [by_id[row_id] for row_id in ids if row_id in by_id]
