"""`kajitori run`: the bot, until SIGTERM or SIGINT."""

import argparse
import asyncio
import os
import sys

from bot import app, logs
from bot.domain.redaction import redact
from bot.settings import load
from handlers import router


def main(arguments: argparse.Namespace) -> int:
    """Runs until stopped; 2 for an unknown LOG_LEVEL. Raises SettingsError before anything is started."""
    settings = load(arguments.config, os.environ)
    try:
        logs.configure(os.environ.get("LOG_LEVEL", "INFO"), redact=redact)
    except ValueError as error:
        print(f"kajitori: LOG_LEVEL: {error}", file=sys.stderr)
        return 2
    asyncio.run(app.run(settings, router))
    return 0
