"""What a thread is about: the card that it hangs under, and the target of that. Asked by bot.reconcile.inbox."""

from bot.context import Context
from bot.domain.alert import Alert
from bot.domain.catalog import Target
from bot.domain.names import AlertId, ChannelId, EnvironmentName, ReleaseId, ServiceName
from bot.store import alerts, messages, releases


async def thread_of(ctx: Context, channel: ChannelId, thread_ts: str | None) -> tuple[Target | None, str]:
    """The target, as far as it is one of the configuration, and the card's subject; (None, "") for other threads."""
    if thread_ts is None:
        return None, ""
    async with ctx.database.read() as connection:
        subject = await messages.subject_of(connection, channel=channel, ts=thread_ts) or ""
        kind, _, row_id = subject.partition(":")
        match kind:
            case "release":
                release = await releases.get(connection, ReleaseId(row_id))
                return release.target if release else None, subject
            case "alert":
                alert = await alerts.get(connection, AlertId(row_id))
                return _target_of(ctx, alert) if alert else None, subject
            case _:
                return None, subject


def _target_of(ctx: Context, alert: Alert) -> Target | None:
    target = Target(EnvironmentName(alert.environment), ServiceName(alert.service))
    is_known = target.environment in ctx.catalog.environments and target.service in ctx.catalog.services
    return target if is_known else None
