"""`kajitori run`: the bot, until SIGTERM or SIGINT."""

import argparse
import asyncio
import os

from bot import app, logs
from bot.settings import load
from handlers import router


def main(arguments: argparse.Namespace) -> int:
    """Runs until stopped. Raises SettingsError before anything is started."""
    settings = load(arguments.config, os.environ)
    logs.configure(os.environ.get("LOG_LEVEL", "INFO"))
    asyncio.run(app.run(settings, router))
    return 0
