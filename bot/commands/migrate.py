"""`kajitori migrate`: the database's tables brought up to date, as `kajitori run` does at its start."""

import argparse
import asyncio
import os

from bot.settings import load_database_url
from bot.store.db import Database
from bot.store.migrate import migrate, revision


def main(_arguments: argparse.Namespace) -> int:
    """Idempotent."""
    print(asyncio.run(_migrate(load_database_url(os.environ).reveal())))
    return 0


async def _migrate(url: str) -> str:
    database = Database(url)
    try:
        await migrate(database)
        return f"The database is at revision {await revision(database)}."
    finally:
        await database.close()
