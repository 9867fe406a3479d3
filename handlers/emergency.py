"""`/emergency ENV start|status|end`: no releases while nodes are upgraded or a hole is closed."""

from bot.cards.emergency import ended_card, started_card, status_card
from bot.domain.catalog import Role
from bot.domain.emergency import risks
from bot.domain.names import Drill, EnvironmentName, Reason
from bot.router import Call, Reply, Router, is_told_here
from bot.usecases import emergency as emergencies
from bot.usecases.people import Whereabouts

router = Router()


@router.command("/emergency", role=Role.DEPLOYER)
async def emergency(
    call: Call, environment: EnvironmentName, step: Drill | None = None, reason: Reason | None = None
) -> Reply:
    """Stop new releases for a cluster upgrade or a CVE; watch nodes and services until all is ready."""
    match step:
        case "start":
            begun = await emergencies.start(call.ctx, environment, reason or "", by=call.actor, asked_in=call.channel)
            return Reply.nothing() if is_told_here(call, environment) else Reply(started_card(begun))
        case "end":
            room = Whereabouts(call.channel, call.channel_name)
            declarer = emergencies.Declarer(call.actor, call.team, room)
            over = await emergencies.end(call.ctx, environment, reason or "", declarer=declarer)
            return Reply.nothing() if is_told_here(call, environment) else Reply(ended_card(over))
        case _:
            known, scene = await emergencies.status(call.ctx, environment)
            return Reply(status_card(known, environment, scene, risks(scene)))
