"""The audit trail: who asked for what, what was intended, what came of it, what was refused; a chain of hashes.

Written in the same transaction as the thing it tells of: if it cannot be written, the thing is not done.
Only ever appended to; `verify` finds a changed, deleted or reordered row.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

import structlog
from sqlalchemy import BigInteger, Row, select, type_coerce, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.redaction import REDACTED, redact
from bot.store.db import after_commit
from bot.store.dialect import insert_into
from bot.store.tables import audit, audit_head, storable

log = structlog.get_logger()
FIRST_HASH = "0" * 64


class AuditPhase(StrEnum):
    """Which part of the story a row tells."""

    REQUEST = "request"
    INTENT = "intent"
    RESULT = "result"
    DENIED = "denied"
    """The person may not do it."""
    REFUSED = "refused"
    """The person may, and something else stands against it: a lock, a freeze, a version that does not exist."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row, before it is chained."""

    at: datetime
    actor: str
    """A Slack user id, or `kajitori` for what the bot does by itself."""
    action: str
    target: str
    phase: AuditPhase
    reason: str = ""
    release_id: str = ""
    plan_hash: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold."""

    seq: int
    text: str


LONGEST_ACTION = 64


def refused(at: datetime, actor: str, action: str, target: str, code: str) -> Entry:
    """The row of a request that was not carried out, and why. `action` and `target` may be whatever people typed."""
    target = _without_secrets(target)
    spaced = target.replace("/", " ")  # the words as they were typed: a secret is known by where it begins
    target = target if _without_secrets(spaced) == spaced else _without_secrets(spaced)
    return Entry(at, actor, storable(action)[:LONGEST_ACTION], target, AuditPhase.REFUSED, code)


def _without_secrets(text: str) -> str:
    """As it was written, unless there is a secret in it."""
    shown = redact(text)
    return shown if REDACTED in shown else text


async def append(connection: AsyncConnection, entry: Entry) -> int:
    """Chain and insert a row; its sequence number. Appenders wait for each other on the head row."""
    entry = replace(entry, target=storable(entry.target), reason=storable(_without_secrets(entry.reason)))
    head = update(audit_head).where(audit_head.c.id == 1).values(seq=audit_head.c.seq + 1)
    head = head.returning(audit_head.c.seq, audit_head.c.hash)
    row = (await connection.execute(head)).first()
    if row is None:
        first = insert_into(connection, audit_head).values(id=1, seq=0, hash=FIRST_HASH)
        await connection.execute(first.on_conflict_do_nothing())
        row = (await connection.execute(head)).one()
    seq, prev_hash = row
    values = asdict(entry) | {"seq": seq, "prev_hash": prev_hash}
    told = values | {"at": round(entry.at.timestamp() * 1000)}
    digest = _hash(*(told[name] for name in _HASHED))
    await connection.execute(audit.insert().values(values | {"hash": digest}))
    await connection.execute(update(audit_head).where(audit_head.c.id == 1).values(hash=digest))
    after_commit(connection, partial(_mirror, values | {"hash": digest}))
    return int(seq)


def _mirror(row: dict[str, Any]) -> None:
    """The row as a line of the log, which leaves the machine: what is cut off or made anew here is still told there."""
    log.info("audit", **row | {"at": row["at"].isoformat(timespec="milliseconds")})


async def told(connection: AsyncConnection, release_id: str, phase: AuditPhase) -> str | None:
    """The reason in the newest row of that phase about a release, or about a request by its `key_id`; None without."""
    found = select(audit.c.reason).where(audit.c.release_id == release_id, audit.c.phase == phase)
    reason: str | None = await connection.scalar(found.order_by(audit.c.seq.desc()).limit(1))
    return reason


async def rows(
    connection: AsyncConnection, *, since: datetime | None = None
) -> AsyncIterator[tuple[int, Entry, str, str]]:
    """All rows in order, or those from `since` on: sequence number, entry, hash of the row before, own hash."""
    async for row in _stored(connection):
        at = datetime.fromtimestamp(row.at / 1000, UTC)
        if since is None or at >= since:
            yield row.seq, _entry(row, at), row.prev_hash, row.hash


def _entry(row: Row[Any], at: datetime) -> Entry:
    return Entry(
        at=at,
        actor=row.actor,
        action=row.action,
        target=row.target,
        phase=AuditPhase(row.phase),
        reason=row.reason,
        release_id=row.release_id,
        plan_hash=row.plan_hash,
    )


async def recent(
    connection: AsyncConnection, *, environment: str = "", service: str = "", limit: int = 20
) -> Sequence[tuple[int, Entry]]:
    """The newest rows about an environment, a service or both, newest first: sequence number and entry."""
    statement = select(audit).order_by(audit.c.seq.desc()).limit(limit)
    begins, parts = audit.c.target.startswith, audit.c.target.contains
    if environment and service:
        place = f"{environment}/{service}"
        statement = statement.where((audit.c.target == place) | begins(f"{place}/", autoescape=True))
    elif environment:
        statement = statement.where((audit.c.target == environment) | begins(f"{environment}/", autoescape=True))
    elif service:
        ends = audit.c.target.endswith(f"/{service}", autoescape=True)
        statement = statement.where(ends | parts(f"/{service}/", autoescape=True))
    return [(row.seq, _entry(row, row.at)) for row in await connection.execute(statement)]


async def began_at(connection: AsyncConnection) -> datetime | None:
    """When the first row was written; None for a trail without any."""
    at: datetime | None = await connection.scalar(select(audit.c.at).order_by(audit.c.seq).limit(1))
    return at


async def head(connection: AsyncConnection) -> tuple[int, str]:
    """Number and hash of the last row: an anchor that, kept elsewhere, tells when the chain was made anew."""
    found = await connection.execute(select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1))
    row = found.first()
    return (int(row.seq), str(row.hash)) if row is not None else (0, FIRST_HASH)


async def verify(connection: AsyncConnection, anchor: str = "") -> tuple[int, Break | None]:
    """Number of rows that hold, and the first break, if any. The head row tells when the end was cut off.

    Whoever may write every table can make a whole new chain: `anchor`, an earlier head's hash that was kept elsewhere,
    tells that, when no row has it any more.
    """
    held, prev = 0, FIRST_HASH
    met = anchor in ("", FIRST_HASH)
    try:
        async for row in _stored(connection):
            if row.seq != held + 1:
                return held, Break(held + 1, f"row {held + 1} is missing; the next one is {row.seq}")
            if row.prev_hash != prev:
                return held, Break(row.seq, f"row {row.seq} does not follow the row before it")
            if row.hash != _hash(*(getattr(row, name) for name in _HASHED)):
                return held, Break(row.seq, f"row {row.seq} was changed after it was written")
            held, prev = row.seq, row.hash
            met = met or row.hash == anchor
    except DBAPIError as error:
        if "decode" not in str(error.orig):
            raise
        return held, Break(held + 1, f"row {held + 1}, or one soon after it, holds bytes that are no text")
    end = (await connection.execute(select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1))).first()
    if end is None and held:
        return held, Break(held, "the head of the chain was deleted")
    if end is not None and tuple(end) != (held, prev):
        return held, Break(held + 1, f"the chain ends at row {held}, but its head names row {end.seq}")
    if not met:
        return held, Break(held + 1, "no row has the anchor's hash, so rows were cut off or the chain was made anew")
    return held, None


_HASHED = (
    *("seq", "at", "actor", "action", "target", "phase", "reason", "release_id", "plan_hash"),
    "prev_hash",
)
"""What a row's hash covers, in this order: everything else."""
_PAGE = 500
"""Rows read at once: a trail of years would not fit into memory."""


async def _stored(connection: AsyncConnection) -> AsyncIterator[Row[Any]]:
    """The rows as they are stored, moments as numbers: also a row that was tampered with must be readable."""
    columns = [type_coerce(column, BigInteger).label("at") if column is audit.c.at else column for column in audit.c]
    seen = -(2**63)
    while True:
        statement = select(*columns).where(audit.c.seq > seen).order_by(audit.c.seq).limit(_PAGE)
        page = (await connection.execute(statement)).all()
        for row in page:
            yield row
        if len(page) < _PAGE:
            return
        seen = page[-1].seq


def _hash(*told: object) -> str:
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=str).encode()).hexdigest()
