"""`kajitori audit verify`: whether the chain of audit rows holds."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from bot.settings import load_database_url
from bot.store import audit
from bot.store.db import Database


def main(_arguments: argparse.Namespace) -> int:
    """0 when every row holds, 1 at the first that does not, or when there is no database."""
    database = Database(load_database_url(os.environ).reveal())
    if database.is_sqlite and not database.is_memory and not Path(database.name).exists():  # opening it would make it
        print(f"There is no database {database.name}; DATABASE_URL names it.", file=sys.stderr)
        return 1
    return asyncio.run(_verify(database))


async def _verify(database: Database) -> int:
    try:
        async with database.read(limit_s=600) as connection:
            count, broken = await audit.verify(connection)
    finally:
        await database.close()
    if broken is None:
        print(f"{count} rows, the chain holds.")
        return 0
    print(f"The chain is broken after {count} rows: {broken.text}.")
    return 1
