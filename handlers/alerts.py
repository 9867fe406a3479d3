"""`/alerts`, `/ack`, `/mute`, and the buttons of an alert's card."""

from collections.abc import Mapping

from bot.cards.alert_list import alert_list
from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn, clock
from bot.domain.catalog import Place, Role
from bot.domain.names import AlertRef, EnvironmentName, Prose, ServiceName, Span, UserId
from bot.router import Call, FormRequest, Reply, Router
from bot.usecases import alert_search, escalation, places
from bot.usecases import alerts as acts
from bot.usecases.people import Whereabouts

router = Router()


async def _place(call: Call, words: Mapping[str, str]) -> Place:
    """Where the alert that is meant is."""
    alert_id = await alert_search.named(call.ctx, words.get("alert", ""), about=call.about)
    return await places.of_alert_id(call.ctx, alert_id)


@router.command("/alerts", role=Role.ANYONE)
async def alerts(call: Call, environment: EnvironmentName | None = None, service: ServiceName | None = None) -> Reply:
    """List what is wrong now, worst first: who has it, until when it is muted."""
    found, left_out = await alert_search.open_ones(call.ctx, environment, service)
    return Reply(alert_list(found, call.ctx.clock(), left_out=left_out))


@router.command("/ack", role=Role.MEMBER)
async def ack(call: Call, alert: AlertRef | None = None) -> Reply:
    """Take an alert: the one you name, the only one that is open, or the one of this thread."""
    alert_id = await alert_search.named(call.ctx, alert or "", about=call.about)
    taken = await acts.acknowledge(call.ctx, alert_id, by=call.actor)
    return Reply(alert_list([(taken, None)], call.ctx.clock()))


@router.command("/mute", role=Role.DEPLOYER, place=_place)
async def mute(call: Call, duration: Span, alert: AlertRef | None = None) -> Reply:
    """Quiet an alert in Datadog for a while: 30m, 1h, 4h, or tomorrow."""
    alert_id = await alert_search.named(call.ctx, alert or "", about=call.about)
    until = await acts.mute(call.ctx, alert_id, duration, by=call.actor)
    return Reply(note_card(Mrkdwn(f"Muting it in Datadog until {clock(until)}. Its card says when that is confirmed.")))


@router.command("/unmute", role=Role.DEPLOYER, place=_place, slash=False)
async def unmute(call: Call, alert: AlertRef | None = None) -> Reply:
    """Lift the mute of an alert."""
    alert_id = await alert_search.named(call.ctx, alert or "", about=call.about)
    await acts.unmute(call.ctx, alert_id, by=call.actor)
    return Reply(note_card(Mrkdwn("Lifting its mute in Datadog. Its card says when that is confirmed.")))


@router.command("/escalate", role=Role.DEPLOYER, place=_place, slash=False)
async def escalate(call: Call, person: UserId | None = None, alert: AlertRef | None = None) -> Reply:
    """Pass an alert on to a person, or to the next in line."""
    alert_id = await alert_search.named(call.ctx, alert or "", about=call.about)
    await escalation.escalate(call.ctx, alert_id, person, by=call.actor)
    return Reply.nothing()


@router.command("/note", role=Role.MEMBER, slash=False)
async def note(call: Call, text: Prose) -> Reply:
    """Keep words about the alert of this thread, also in Datadog."""
    await acts.note(call.ctx, await alert_search.named(call.ctx, "", about=call.about), text, by=call.actor)
    return Reply.nothing()


@router.button("alert.acknowledge", role=Role.MEMBER, halts=True)
async def press_acknowledge(call: Call, value: str) -> Reply:
    """Take it."""
    alert_id, _step, _word = alert_search.parse_button(value)
    await acts.acknowledge(call.ctx, alert_id, by=call.actor)
    return Reply.nothing()


@router.button("alert.unacknowledge", role=Role.MEMBER)
async def press_unacknowledge(call: Call, value: str) -> Reply:
    """Give it back."""
    alert_id, _step, holder = alert_search.parse_button(value)
    asker = acts.Asker(call.actor, call.team, Whereabouts(call.channel, call.channel_name))
    await acts.unacknowledge(call.ctx, alert_id, holder=holder, asker=asker)
    return Reply.nothing()


@router.button("alert.mute", role=Role.DEPLOYER, place=places.of_alert)
async def press_mute(call: Call, value: str) -> Reply:
    """Quiet it for as long as the menu says."""
    alert_id, _step, span = alert_search.parse_button(value)
    await acts.mute(call.ctx, alert_id, Span(span), by=call.actor)
    return Reply.nothing()


@router.button("alert.unmute", role=Role.DEPLOYER, place=places.of_alert)
async def press_unmute(call: Call, value: str) -> Reply:
    """Lift the mute."""
    alert_id, _step, _word = alert_search.parse_button(value)
    await acts.unmute(call.ctx, alert_id, by=call.actor)
    return Reply.nothing()


@router.button("alert.resolve", role=Role.DEPLOYER, place=places.of_alert)
async def press_resolve(call: Call, value: str) -> Reply:
    """End the page in Datadog On-Call."""
    alert_id, _step, _word = alert_search.parse_button(value)
    await escalation.resolve_page(call.ctx, alert_id, by=call.actor)
    return Reply.nothing()


@router.button("alert.escalate", role=Role.DEPLOYER, place=places.of_alert)
async def press_escalate(call: Call, value: str) -> Reply:
    """Ask to whom."""
    return Reply(form=FormRequest("escalate", about=_subject(value)))


@router.button("alert.note", role=Role.MEMBER)
async def press_note(call: Call, value: str) -> Reply:
    """Ask for the words."""
    return Reply(form=FormRequest("note", about=_subject(value)))


@router.button("storm.acknowledge", role=Role.MEMBER, halts=True)
async def press_acknowledge_all(call: Call, value: str) -> Reply:
    """Take all that nobody has."""
    storm_id, _step, _word = alert_search.parse_button(value)
    count = await acts.acknowledge_all(call.ctx, storm_id, by=call.actor)
    return Reply(note_card(Mrkdwn(f"You took {count} alerts.")), private=True)


@router.button("oncall.still_working", role=Role.MEMBER)
async def press_still_working(call: Call, value: str) -> Reply:
    """Yes, still."""
    alert_id, _step, _word = alert_search.parse_button(value)
    await escalation.still_working(call.ctx, alert_id, by=call.actor)
    return Reply.nothing()


@router.button("oncall.hand_back", role=Role.MEMBER)
async def press_hand_back(call: Call, value: str) -> Reply:
    """No: to the next in line."""
    alert_id, _step, _word = alert_search.parse_button(value)
    await escalation.hand_back(call.ctx, alert_id, by=call.actor)
    return Reply.nothing()


def _subject(value: str) -> str:
    alert_id, _step, _word = alert_search.parse_button(value)
    return f"alert:{alert_id}"
