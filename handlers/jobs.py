"""`/jobs ENV [SERVICE]`: the batch desk; and its buttons Run now, Suspend, Resume and Logs."""

from bot.cards.jobs import desk_card, started_card
from bot.cards.logs import logs_card
from bot.domain.catalog import Role
from bot.domain.names import EnvironmentName, ServiceName
from bot.router import Call, Reply, Router
from bot.usecases import jobs as desk
from bot.usecases import orders, places

router = Router()


@router.command("/jobs", role=Role.ANYONE)
async def jobs(call: Call, environment: EnvironmentName, service: ServiceName | None = None) -> Reply:
    """Show what runs on a schedule: next and last runs, how long they took and how they ended."""
    found = await desk.look(call.ctx, environment, service)
    return Reply(desk_card(found, call.ctx.clock()))


@router.button("jobs.run", role=Role.DEPLOYER, place=places.of_order)
async def run_now(call: Call, value: str) -> Reply:
    """Start a run of this CronJob now, whatever its schedule says."""
    order = orders.read_order(call.ctx, value)
    run = await desk.run_now(call.ctx, order, key=call.key, by=call.actor, asked_at=call.asked_at)
    return Reply(started_card(order.environment, order.namespace, order.name, run), private=True)


@router.button("jobs.suspend", role=Role.DEPLOYER, place=places.of_order, halts=True)
async def suspend(call: Call, value: str) -> Reply:
    """Let no run of this CronJob start until somebody resumes it."""
    order = orders.read_order(call.ctx, value)
    changed = await desk.set_suspended(call.ctx, order, True, key=call.key, by=call.actor, asked_at=call.asked_at)
    return Reply(desk_card(changed, call.ctx.clock()), private=True)


@router.button("jobs.resume", role=Role.DEPLOYER, place=places.of_order)
async def resume(call: Call, value: str) -> Reply:
    """Let this CronJob run on its schedule again."""
    order = orders.read_order(call.ctx, value)
    changed = await desk.set_suspended(call.ctx, order, False, key=call.key, by=call.actor, asked_at=call.asked_at)
    return Reply(desk_card(changed, call.ctx.clock()), private=True)


@router.button("jobs.logs", role=Role.DEPLOYER, place=places.of_order)
async def logs(call: Call, value: str) -> Reply:
    """Show the last lines of the newest run, of the failed one if it failed."""
    order = orders.read_order(call.ctx, value)
    return Reply(logs_card(await desk.logs(call.ctx, order), order.name), private=True)
