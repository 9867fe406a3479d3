"""What a release means for the open alerts of its service: words in their threads, other buttons on their cards.

Called by bot.usecases.releases and the keeping of releases, in the release's own transaction.
"""

from bot.cards.alert_story import release_note
from bot.context import Context
from bot.domain.alert import Alert
from bot.domain.release import Release
from bot.store import alerts
from bot.store.db import Connection
from bot.usecases.alert_cards import has_card, put_card, say_in_thread

MOST_TOLD = 5
"""Alerts of one service whose threads are told: a monitor may have a group for each of its endpoints."""


async def tell_alerts(ctx: Context, connection: Connection, release: Release) -> None:
    """Say in the threads of its service's open alerts that it was asked for, or how it ended."""
    for alert in await _open_ones(connection, release):
        if not _is_own(alert, release):  # its own release's thread has its story already
            await say_in_thread(ctx, connection, alert, release_note(alert, release))


async def redraw_alerts(ctx: Context, connection: Connection, release: Release) -> None:
    """Draw the open alerts again that offer to stop this release, or to take it back."""
    for alert in await _open_ones(connection, release):
        if _is_own(alert, release):
            await put_card(ctx, connection, alert)


async def _open_ones(connection: Connection, release: Release) -> list[Alert]:
    target = release.target
    found = await alerts.open_alerts(
        connection, environment=target.environment, service=target.service, limit=10 * MOST_TOLD
    )
    return [alert for alert in found if has_card(alert)][:MOST_TOLD]


def _is_own(alert: Alert, release: Release) -> bool:
    return alert.near is not None and alert.near.id == release.id
