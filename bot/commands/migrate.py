"""`kajitori migrate`: the database's tables brought up to date, as `kajitori run` does at its start."""

import argparse
import asyncio
import os

from bot.settings import load
from bot.store.db import Database
from bot.store.migrate import migrate, revision


def main(arguments: argparse.Namespace) -> int:
    """Idempotent."""
    settings = load(arguments.config, os.environ)
    print(asyncio.run(_migrate(settings.database_url.reveal())))
    return 0


async def _migrate(url: str) -> str:
    database = Database(url)
    try:
        await migrate(database)
        return f"The database is at revision {await revision(database)}."
    finally:
        await database.close()
