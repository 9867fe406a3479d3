"""The webhook that Datadog is told to send: address, secret's header, payload. Printed by `kajitori manifest datadog`.

Read by the intake of webhooks for the names below. Source of the variables: docs.datadoghq.com/integrations/webhooks.
Datadog knows no signature: who knows the header's secret is Datadog.
"""

from collections.abc import Mapping
from typing import Any

PATH = "/datadog/webhook"
SECRET_HEADER = "X-Kajitori-Secret"
SECRET_VARIABLE = "KAJITORI_SECRET"
"""The custom variable in Datadog that holds the secret, marked as hidden there: it never stands in the template."""
NAME = "kajitori"
"""Monitors name it in their message: `@webhook-kajitori`."""

PAYLOAD: Mapping[str, str] = {
    "id": "$ID",
    "cycle": "$ALERT_CYCLE_KEY",
    "aggreg": "$AGGREG_KEY",
    "monitor": "$ALERT_ID",
    "transition": "$ALERT_TRANSITION",
    "type": "$ALERT_TYPE",
    "priority": "$ALERT_PRIORITY",
    "date": "$DATE",
    "updated": "$LAST_UPDATED",
    "scope": "$ALERT_SCOPE",
    "tags": "$TAGS",
    "host": "$HOSTNAME",
    "org": "$ORG_ID",
    "metric": "$ALERT_METRIC",
    "link": "$LINK",
    "snapshot": "$SNAPSHOT",
    "title": "$ALERT_TITLE",
    "event_title": "$EVENT_TITLE",
    "status": "$ALERT_STATUS",
    "query": "$ALERT_QUERY",
    "text": "$TEXT_ONLY_MSG",
}
"""Our name → Datadog's variable. All are sent as JSON strings. Texts that people wrote come last: whatever a quote or
a line break in them does to the JSON, what identifies the alert stands before it."""


def datadog_webhook(http_url: str | None) -> dict[str, Any]:
    """What to enter in Datadog's webhooks integration, a key per field. `http_url`: the bot's public address."""
    base = (http_url or "https://YOUR-BOT.example.com").rstrip("/")
    return {
        "name": NAME,
        "url": base + PATH,
        "encode_as": "json",
        "custom_headers": {SECRET_HEADER: f"${SECRET_VARIABLE}"},
        "custom_variables": [
            {"name": SECRET_VARIABLE, "value": "the secret that DATADOG_WEBHOOK_SECRET holds", "is_secret": True}
        ],
        "payload": dict(PAYLOAD),
    }
