"""The audit trail: who asked for what, what was intended, what came of it, what was refused; a chain of hashes.

Written in the same transaction as the thing it tells of: if it cannot be written, the thing is not done.
Only ever appended to; `verify` finds a changed, deleted or reordered row.
"""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.dialect import insert_into
from bot.store.tables import audit, audit_head

FIRST_HASH = "0" * 64


class AuditPhase(StrEnum):
    """Which part of the story a row tells."""

    REQUEST = "request"
    INTENT = "intent"
    RESULT = "result"
    DENIED = "denied"


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


async def append(connection: AsyncConnection, entry: Entry) -> int:
    """Chain and insert a row; its sequence number. Appenders wait for each other on the head row."""
    await connection.execute(
        insert_into(connection, audit_head).values(id=1, seq=0, hash=FIRST_HASH).on_conflict_do_nothing()
    )
    head = update(audit_head).where(audit_head.c.id == 1).values(seq=audit_head.c.seq + 1)
    seq, prev_hash = (await connection.execute(head.returning(audit_head.c.seq, audit_head.c.hash))).one()
    digest = _hash(seq, entry, prev_hash)
    values = {
        "seq": seq,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "release_id": entry.release_id,
        "plan_hash": entry.plan_hash,
        "phase": entry.phase,
        "reason": entry.reason,
        "prev_hash": prev_hash,
        "hash": digest,
    }
    await connection.execute(audit.insert().values(**values))
    await connection.execute(update(audit_head).where(audit_head.c.id == 1).values(hash=digest))
    return int(seq)


async def rows(connection: AsyncConnection) -> AsyncIterator[tuple[int, Entry, str, str]]:
    """All rows in order: sequence number, entry, hash of the row before, own hash."""
    result = await connection.stream(select(audit).order_by(audit.c.seq))
    async for row in result.mappings():
        entry = Entry(
            at=row["at"],
            actor=row["actor"],
            action=row["action"],
            target=row["target"],
            phase=AuditPhase(row["phase"]),
            reason=row["reason"],
            release_id=row["release_id"],
            plan_hash=row["plan_hash"],
        )
        yield row["seq"], entry, row["prev_hash"], row["hash"]


async def verify(connection: AsyncConnection) -> tuple[int, Break | None]:
    """Number of rows that hold, and the first break, if any. The head row tells when the end was cut off."""
    expected_seq, prev = 1, FIRST_HASH
    async for seq, entry, prev_hash, digest in rows(connection):
        if seq != expected_seq:
            return expected_seq - 1, Break(expected_seq, f"row {expected_seq} is missing; the next one is {seq}")
        if prev_hash != prev:
            return expected_seq - 1, Break(seq, f"row {seq} does not follow the row before it")
        if digest != _hash(seq, entry, prev_hash):
            return expected_seq - 1, Break(seq, f"row {seq} was changed after it was written")
        expected_seq, prev = seq + 1, digest
    head = (await connection.execute(select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1))).first()
    last = (expected_seq - 1, prev)
    if head is None and last[0]:
        return last[0], Break(last[0], "the head of the chain was deleted")
    if head is not None and tuple(head) != last:
        return last[0], Break(last[0] + 1, f"the chain ends at row {last[0]}, but its head names row {head[0]}")
    return last[0], None


def _hash(seq: int, entry: Entry, prev_hash: str) -> str:
    told = [
        seq,
        round(entry.at.timestamp() * 1000),
        entry.actor,
        entry.action,
        entry.target,
        entry.phase,
        entry.reason,
        entry.release_id,
        entry.plan_hash,
        prev_hash,
    ]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
