"""The bot as `kajitori run` starts it, but that a request may wait longer for its commit, as on a slow disk it must.

Run by BotProcess as a program, with the path of the configuration.
"""

import asyncio
import os
import sys
from pathlib import Path

from bot import app, logs
from bot.domain.redaction import redact
from bot.settings import load
from handlers import router
from tests.patience import ACK_BUDGET_S

if __name__ == "__main__":
    settings = load(Path(sys.argv[1]), os.environ)
    logs.configure("INFO", redact=redact)
    asyncio.run(app.run(settings, router, ack_budget_s=ACK_BUDGET_S))
