"""`kajitori manifest [slack|datadog]`: the Slack app manifest, or the webhook to enter in Datadog; both as JSON."""

import argparse
import json

from bot.datadog.template import datadog_webhook
from bot.manifest import slack_manifest
from handlers import router


def main(arguments: argparse.Namespace) -> int:
    """Prints it; needs no configuration."""
    if arguments.of == "datadog":
        made = datadog_webhook(arguments.http_url)
    else:
        made = slack_manifest(router, http_url=arguments.http_url)
    print(json.dumps(made, indent=2))
    return 0
