"""`kajitori manifest`: the Slack app manifest as JSON, to paste into Slack when the app is made."""

import argparse
import json

from bot.manifest import slack_manifest
from handlers import router


def main(arguments: argparse.Namespace) -> int:
    """Prints it; needs no configuration."""
    print(json.dumps(slack_manifest(router, http_url=arguments.http_url), indent=2))
    return 0
