"""Where what a button names is: the target whose role its press asks for. Called by handlers' declarations.

Each raises UserError for a value that names nothing; nothing here changes anything.
"""

from bot.context import Context
from bot.domain.canary.asking import understand
from bot.domain.catalog import Place
from bot.domain.names import AlertId, EnvironmentName, ReleaseId
from bot.usecases import alert_search, breakglass, buttons, freezes, holds, orders, pods, queue, stories


async def of_release(ctx: Context, value: str) -> Place:
    """Of a release's button."""
    release = await buttons.any_release(ctx, value)
    return Place.of(release.target)


async def of_alert(ctx: Context, value: str) -> Place:
    """Of an alert's button."""
    alert_id, _step, _word = alert_search.parse_button(value)
    return await of_alert_id(ctx, alert_id)


async def of_alert_id(ctx: Context, alert_id: AlertId) -> Place:
    """Of an alert."""
    return alert_search.place_of(ctx, await alert_search.find(ctx, alert_id))


async def of_story(ctx: Context, value: str) -> Place:
    """Of a button of the card that tells how pods fall and heal."""
    return await stories.place_of(ctx, value)


async def of_pod(ctx: Context, value: str) -> Place:
    """Of a pod of the desk: its namespace belongs to the services that are configured there."""
    environment, namespace = pods.read_button(ctx, value)[:2]
    return _in_namespace(ctx, environment, namespace)


async def of_order(ctx: Context, value: str) -> Place:
    """Of a CronJob of the desk."""
    order = orders.read_order(ctx, value)
    target = orders.target_of(ctx, order)
    return Place.of(target) if target is not None else _in_namespace(ctx, order.environment, order.namespace)


async def of_offer(ctx: Context, value: str) -> Place:
    """Of the button that begins a canary."""
    asked = understand(value.split(), ctx.catalog)
    return Place(asked.environment, asked.service)


async def of_freeze(ctx: Context, value: str) -> Place:
    """Of the button that ends a freeze: a whole environment."""
    return Place((await freezes.by_id(ctx, value)).environment)


async def of_hold(ctx: Context, value: str) -> Place:
    """Of a lock's button."""
    hold = await holds.find(ctx, value.partition(":")[0])
    return Place(hold.environment, hold.service)


async def of_wish(ctx: Context, value: str) -> Place:
    """Of the button to wait in line."""
    return Place.of(queue.read_wish(ctx, value)[0])


async def of_ticket(ctx: Context, value: str) -> Place:
    """Of a button of somebody who waits in line."""
    return Place.of((await queue.find(ctx, value)).target)


async def of_review(ctx: Context, value: str) -> Place:
    """Of the button that closes a review."""
    return await breakglass.place_of(ctx, ReleaseId(value))


def _in_namespace(ctx: Context, environment: EnvironmentName, namespace: str) -> Place:
    """The service of a namespace when it has one alone; else only the environment is known."""
    inside = [each.name for each in ctx.catalog.services.values() if each.workload.namespace == namespace]
    return Place(environment, inside[0] if len(inside) == 1 else None)
