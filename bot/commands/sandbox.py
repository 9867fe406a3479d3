"""`kajitori sandbox`: a local Slack, clusters and registry with a chat page, and the bot as a child process on them."""

import argparse
import asyncio

from bot.sandbox.start import main as serve


def main(arguments: argparse.Namespace) -> int:
    """Serves until Ctrl-C."""
    return asyncio.run(serve(arguments.port, arguments.state, open_browser=not arguments.no_browser))
