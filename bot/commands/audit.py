"""`kajitori audit verify` and `kajitori audit export`: whether the audit chain holds, and its rows themselves."""

import argparse
import asyncio
import csv
import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bot.settings import load_database_url
from bot.store import audit
from bot.store.db import Database

WRONG_ARGUMENT = 2
READING_S = 600.0
_FORMULA = re.compile(r"[=+\-@\t\r]")
"""How a cell begins that a spreadsheet would calculate."""


def main(arguments: argparse.Namespace) -> int:
    """0 when it is done and every row holds, 1 at the first row that does not, or when there is no database."""
    try:
        since = _moment(arguments.since) if arguments.part == "export" else None
        anchor = _anchor(arguments.anchor) if arguments.part == "verify" else ""
    except ValueError as error:
        print(f"kajitori: {error}", file=sys.stderr)
        return WRONG_ARGUMENT
    database = Database(load_database_url(os.environ).reveal())
    if database.is_sqlite and not database.is_memory and not Path(database.name).exists():  # opening it would make it
        print(f"There is no database {database.name}; DATABASE_URL names it.", file=sys.stderr)
        return 1
    if arguments.part == "verify":
        return asyncio.run(_verify(database, anchor))
    try:
        return asyncio.run(_export(database, since, arguments.format))
    except BrokenPipeError:  # whoever read it has enough; Python would complain again when it flushes at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


async def _verify(database: Database, anchor: str) -> int:
    try:
        async with database.read(limit_s=READING_S) as connection:
            count, broken = await audit.verify(connection, anchor)
            _seq, last = await audit.head(connection)
    finally:
        await database.close()
    if broken is None:
        print(f"{count} rows, the chain holds. Its last hash, to keep elsewhere: {last}")
        return 0
    print(f"The chain is broken after {count} rows: {broken.text}.")
    return 1


async def _export(database: Database, since: datetime | None, form: str) -> int:
    write = _csv_writer() if form == "csv" else _json_line
    try:
        async with database.read(limit_s=READING_S) as connection:
            async for seq, entry, prev_hash, digest in audit.rows(connection, since=since):
                at = entry.at.isoformat(timespec="milliseconds")
                write({"seq": seq, **asdict(entry), "at": at, "prev_hash": prev_hash, "hash": digest})
        sys.stdout.flush()
    finally:
        await database.close()
    return 0


def _json_line(row: dict[str, object]) -> None:
    """ASCII alone: nothing in it ends the line or reaches the terminal."""
    print(json.dumps(row))


def _csv_writer() -> Callable[[dict[str, object]], None]:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    began = False

    def write(row: dict[str, object]) -> None:
        nonlocal began
        if not began:
            writer.writerow(row)
            began = True
        writer.writerow(_cells(row.values()))

    return write


def _cells(values: Iterable[object]) -> Iterable[str]:
    """Text that no terminal obeys and no spreadsheet calculates; the exact words are in the JSON."""
    for value in values:
        text = "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in str(value))
        yield f"'{text}" if _FORMULA.match(text) else text


def _moment(text: str) -> datetime | None:
    """A day or a time; UTC where it names no zone. Raises ValueError."""
    if not text:
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--since {text!r} is no time: write 2026-11-23 or 2026-11-23T18:00+09:00") from None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _anchor(text: str) -> str:
    if text and not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError("--anchor is a hash of 64 hex digits, as `kajitori audit verify` printed it")
    return text
