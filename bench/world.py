"""What `kajitori run` needs beside Slack: the sandbox's clusters, registry and configuration, as one process.

Run by bench.bots as `python -m bench.world FOLDER`; prints one line of JSON, {"environment": …, "url": …} (the
bot's own address), and lives until its standard input is closed.
"""

import asyncio
import json
import sys
from pathlib import Path

from bot.sandbox.server import Sandbox


async def serve(folder: Path) -> None:
    """Serve until nobody listens any more."""
    sandbox = Sandbox(folder, run_bot=False, limits="off")
    await sandbox.start()
    try:
        environment = sandbox.environment() | {"KAJITORI_CONFIG": str(sandbox.config_path)}
        print(json.dumps({"environment": environment, "url": sandbox.bot_url}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await sandbox.stop()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
