"""Emergency mode: its card, edited as nodes and services change, and the words in its thread."""

from collections.abc import Sequence

from bot.cards.card import Block, Card, context, paragraphs, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, day_and_time, esc, person
from bot.domain.emergency import Emergency, Node, Risk, Scene, Standing, kubelets, missing

MOST_LISTED = 20


def emergency_card(emergency: Emergency) -> Card:
    """An emergency as it stands."""
    where = bold(emergency.environment)
    if emergency.ended_at is None:
        first = Mrkdwn(f"🚨 Emergency in {where}: {esc(emergency.reason)}")
        meaning = Mrkdwn("New releases are stopped. Rollbacks and aborts still work; releases under way go on.")
    elif emergency.ended_why:
        first = Mrkdwn(f"⚠️ The emergency in {where} was ended although not all is ready: {esc(emergency.ended_why)}")
        meaning = Mrkdwn("Releases are open again.")
    else:
        first = Mrkdwn(f"✅ The emergency in {where} is over: all is ready again")
        meaning = Mrkdwn("Releases are open again.")
    blocks: list[Block] = [section(first), section(meaning)]
    if emergency.risks and emergency.ended_at is None:
        blocks += paragraphs([bold("Before nodes are drained"), *_risk_lines(emergency.risks)])
    if emergency.scene is not None:
        blocks += scene_blocks(emergency.scene)
    parts = [Mrkdwn(f"started by {person(emergency.by)} {day_and_time(emergency.since)}")]
    if emergency.ended_at is not None:
        who = f" by {person(emergency.ended_by)}" if emergency.ended_by else ""
        parts += [Mrkdwn(f"ended{who} {day_and_time(emergency.ended_at)}"), Mrkdwn(f"it was: {esc(emergency.reason)}")]
    else:
        parts.append(code(f"/emergency {emergency.environment} end"))
    blocks.append(context(*parts))
    return Card(Mrkdwn(first.replace("*", "").replace("`", "")), tuple(blocks))


def status_card(emergency: Emergency | None, environment: str, scene: Scene, risks: Sequence[Risk]) -> Card:
    """The answer to `/emergency ENV status`: what is there now, and what a drain would break."""
    if emergency is not None:
        first = Mrkdwn(
            f"🚨 {bold(environment)} is in emergency mode since {clock(emergency.since)}, by {person(emergency.by)}: "
            f"{esc(emergency.reason)}"
        )
    else:
        first = Mrkdwn(f"There is no emergency in {bold(environment)}.")
    blocks: list[Block] = [section(first)]
    if risks:
        blocks += paragraphs([bold("Before nodes are drained"), *_risk_lines(risks)])
    blocks += scene_blocks(scene)
    left = missing(scene)
    if emergency is not None:
        ready = "All is ready: it can be ended." if not left else f"Not ready yet: {esc(' '.join(left), 1500)}"
        blocks.append(section(Mrkdwn(ready)))
    return Card(Mrkdwn(first.replace("*", "").replace("`", "")), tuple(blocks))


def calm_note(emergency: Emergency) -> Card:
    """To the person who started it: nothing is missing any more."""
    text = Mrkdwn(
        f"✅ {person(emergency.by)}, all nodes and services of {bold(emergency.environment)} are ready again. "
        f"When the work is done: {code(f'/emergency {emergency.environment} end')}"
    )
    return Card(text, (section(text),))


def started_card(emergency: Emergency) -> Card:
    """The answer to `start`, where the card is out of sight."""
    count = len(emergency.risks)
    named = {0: "Nothing would go down by draining a node.", 1: "1 service would suffer from a drain: see its card."}
    told = named.get(count, f"{count} services would suffer from a drain: see its card.")
    text = Mrkdwn(f"🚨 Releases to {bold(emergency.environment)} are stopped. {told}")
    return Card(text, (section(text),))


def ended_card(emergency: Emergency) -> Card:
    """The answer to `end`."""
    text = Mrkdwn(f"The emergency in {bold(emergency.environment)} is over. Releases are open again.")
    return Card(text, (section(text),))


def emergency_line(emergency: Emergency) -> Mrkdwn:
    """An emergency in `/status`."""
    return Mrkdwn(
        f"🚨 Emergency since {clock(emergency.since)} by {person(emergency.by)}: {esc(emergency.reason, 150)}. "
        "New releases are stopped."
    )


def scene_blocks(scene: Scene) -> list[Block]:
    """Nodes by the version of their kubelet, those that are not fine, services with too few pods."""
    return paragraphs([bold("Nodes"), *_node_lines(scene), bold("Services"), *_service_lines(scene.services)])


def _node_lines(scene: Scene) -> list[Mrkdwn]:
    if scene.nodes_unseen:
        why = "I may not see them" if scene.is_forbidden else "they can't be seen"
        return [Mrkdwn(f"❔ {why}: {esc(scene.nodes_unseen, 200)}")]
    counts = (f"{code(version or 'unknown')} × {count}" for version, count in kubelets(scene.nodes))
    lines = [Mrkdwn("kubelet " + " · ".join(counts))]
    lines += [_node_line(node) for node in scene.nodes if not node.is_fine][:MOST_LISTED]
    if all(node.is_fine for node in scene.nodes):
        lines.append(Mrkdwn(f"✅ all {len(scene.nodes)} are ready and take pods"))
    return lines


def _node_line(node: Node) -> Mrkdwn:
    states = []
    if node.deleting:
        states.append("being removed")
    if not node.ready:
        states.append("not ready")
    if node.cordoned:
        states.append(f"draining, {node.pods} of our pods left" if node.pods else "cordoned, none of our pods left")
    mark = "❌" if not node.ready else "🚧"
    return Mrkdwn(f"{mark} {code(node.name)} {code(node.kubelet)} {', '.join(states)}")


def _service_lines(services: Sequence[Standing]) -> list[Mrkdwn]:
    lines = []
    for each in services:
        if each.problem:
            lines.append(Mrkdwn(f"❔ {bold(each.service)} can't be asked: {esc(each.problem, 200)}"))
        elif each.is_short:
            down = " · *down*" if each.ready == 0 else ""
            lines.append(Mrkdwn(f"❌ {bold(each.service)} {each.ready} of {each.wanted} pods ready{down}"))
    more = len(lines) - MOST_LISTED
    lines = lines[:MOST_LISTED] + ([Mrkdwn(f"and {more} more")] if more > 0 else [])
    return lines or [Mrkdwn("✅ all have the pods that they want")]


def _risk_lines(risks: Sequence[Risk]) -> list[Mrkdwn]:
    lines = [Mrkdwn(f"⚠️ {bold(risk.service)} {esc(risk.text, 300)}") for risk in risks[:MOST_LISTED]]
    more = len(risks) - MOST_LISTED
    return lines + ([Mrkdwn(f"and {more} more")] if more > 0 else [])
