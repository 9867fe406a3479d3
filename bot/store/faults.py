"""What can be wrong with a database, in words for the person who runs it.

Raised by bot.store, shown by whoever started it. All are a StoreUnavailable: nothing was accepted. The two kinds here
do not pass by themselves.
"""

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.errors import StoreUnavailable


class StoreCorrupt(StoreUnavailable):
    """The database's file is damaged, or is no database at all. It needs its backup, and a person."""


class SchemaUnknown(StoreUnavailable):
    """The database's tables are not ones that this program can work with or migrate."""


def corrupt(name: str, what: str) -> StoreCorrupt:
    """The error for a damaged SQLite file; `name` is its path, `what` SQLite's own words."""
    return StoreCorrupt(
        f"{name} is damaged: {what}. Nothing was changed. Stop the bot, move the file and its -wal and -shm neighbours "
        "aside, restore the newest backup to this path, and start again."
    )


def translated(error: DBAPIError | PoolTimeout, name: str) -> StoreUnavailable | None:
    """Our error for the driver's, when it tells of the database's state and not of a mistake in a statement."""
    if isinstance(error, PoolTimeout):
        return StoreUnavailable(f"{name}: all connections are in use")
    # str(error) would add the statement
    text = (str(error.orig).splitlines() or [type(error.orig).__name__])[0]
    if type(error.orig) is sqlite3.DatabaseError:  # its subclasses tell of locks, constraints and mistakes
        return corrupt(name, text)
    if error.connection_invalidated or isinstance(error, OperationalError):
        return StoreUnavailable(f"{name}: {text}")
    return None
