"""An alert's card, with all that is known beside its row; and what is said in its thread.

Called by whoever changes an alert or its handling, in the same transaction: bot.usecases.alerts and the loops.
"""

from bot.cards.alert import alert_card, subject_of
from bot.cards.alert_words import Around
from bot.cards.card import Card
from bot.context import Context
from bot.domain.alert import Alert
from bot.domain.alert.storm import storm_subject
from bot.store import handlings, outbox, releases, watches
from bot.store.db import Connection


async def around_of(ctx: Context, connection: Connection, alert: Alert) -> Around:
    """What is known beside the row."""
    watch = await watches.of(connection, subject_of(alert))
    return Around(
        handling=await handlings.of(connection, alert.id),
        called=watch.called,
        released=await releases.get(connection, alert.near.id) if alert.near else None,
        hosts=ctx.link_hosts,
    )


async def card_of(ctx: Context, connection: Connection, alert: Alert) -> Card:
    """The card as it stands now."""
    return alert_card(alert, ctx.clock(), await around_of(ctx, connection, alert))


async def put_card(ctx: Context, connection: Connection, alert: Alert) -> None:
    """Have the alert's card posted or edited. Nothing for an alert that a storm tells of, or that goes nowhere."""
    if not has_card(alert):
        return
    card = await card_of(ctx, connection, alert)
    draft = outbox.Draft(
        kind=outbox.OutboxKind.CARD,
        channel=alert.channel,
        body=card.body(),
        lane=outbox.Lane.ALERT,
        subject=subject_of(alert),
        thread_subject=root_of(alert),
    )
    await outbox.add(connection, draft, now=ctx.clock())


def has_card(alert: Alert) -> bool:
    """Whether it has a message of its own."""
    return bool(alert.channel) and not alert.storm_id


def root_of(alert: Alert) -> str | None:
    """The card under which this one hangs: its own release's, while that was under way. None: it stands by itself."""
    return f"release:{alert.near.id}" if alert.near is not None and alert.near.is_live else None


def thread_of(alert: Alert) -> str:
    """Subject of the card in whose thread things about this alert are said. Slack's threads have one level."""
    if alert.storm_id:
        return storm_subject(alert.storm_id)
    return root_of(alert) or subject_of(alert)


async def say_in_thread(ctx: Context, connection: Connection, alert: Alert, card: Card) -> None:
    """Post under the alert's card."""
    if not alert.channel:
        return
    draft = outbox.Draft(
        kind=outbox.OutboxKind.NOTE,
        channel=alert.channel,
        body=card.body(),
        lane=outbox.Lane.ALERT,
        thread_subject=thread_of(alert),
    )
    await outbox.add(connection, draft, now=ctx.clock())
