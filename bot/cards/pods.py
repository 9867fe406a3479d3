"""The desk of `/pods`: who is up, what restarted, and how it died last; what is in trouble first."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from bot.cards.card import Block, Card, button, context, paragraphs, section
from bot.cards.mrkdwn import Mrkdwn, bold, code, esc
from bot.domain.pods import PodSight
from bot.domain.pods.desk import ServicePods, Standing, last_death, standing, trouble, version_in

IN_TROUBLE = 3
"""Pods shown of a service among others."""
ALONE = 15
"""Pods shown when a single service was asked for, each with its button."""
_MARKS = {
    Standing.DOWN: "❌",
    Standing.STARTING: "⏳",
    Standing.LEAVING: "👋",
    Standing.UP: "✅",
    Standing.DONE: "🏁",
}


def pods_card(found: Sequence[ServicePods], now: datetime) -> Card:
    """A line per service, and under it the pods that are in trouble; all pods where only one service was asked for."""
    if len(found) == 1:
        return _single(found[0], now)
    blocks: list[Block] = []
    for environment, group in groupby(found, key=lambda each: each.target.environment):
        lines = [bold(environment)]
        for each in sorted(group, key=lambda each: (each.is_well, each.target.service)):
            lines += [_service(each), *_troubled(each, now)]
        blocks += paragraphs(lines)
    unwell = [each for each in found if not each.is_well]
    text = Mrkdwn(f"{len(found) - len(unwell)} of {len(found)} services have all their pods up")
    return Card(text, tuple(blocks) or (section(Mrkdwn("Nothing is configured.")),))


def _single(each: ServicePods, now: datetime) -> Card:
    head = Mrkdwn(f"{_service(each)} in {bold(each.target.environment)}")
    blocks: list[Block] = [section(head)]
    for pod in each.pods[:ALONE]:
        value = f"{each.target.environment}:{pod.namespace}:{pod.name}"
        logs = button("Logs", "pods.tail", value) if pod.node else None
        blocks.append(section(_pod(pod, each, now), accessory=logs))
    rest = each.pods[ALONE:]
    if rest:
        blocks.append(context(Mrkdwn(_rest(rest))))
    return Card(Mrkdwn(head.replace("*", "").replace("`", "")), tuple(blocks))


def _rest(pods: Sequence[PodSight]) -> str:
    down = sum(1 for pod in pods if standing(pod) is Standing.DOWN)
    return f"{len(pods)} more, {down} of them down" if down else f"{len(pods)} more, none of them down"


def _service(each: ServicePods) -> Mrkdwn:
    name = bold(each.target.service)
    if each.problem:
        return Mrkdwn(f"❔ {name}: can't be asked. {esc(each.problem, 200)}")
    if each.desired is None:
        running = sum(1 for pod in each.pods if standing(pod) in (Standing.UP, Standing.STARTING))
        seen = f"{running} {'pod runs' if running == 1 else 'pods run'}" if running else "no pod runs now"
        return Mrkdwn(f"{'✅' if each.is_well else '❌'} {name} · batch job, {seen}")
    mark = "✅" if each.is_well else "❌" if each.up < each.desired else "⚠️"
    parts = [f"{mark} {name} {' and '.join(code(version) for version in _versions(each)[:2])}".rstrip()]
    parts.append(f"{each.up} of {each.desired} up")
    restarts = sum(pod.restarts for pod in each.pods)
    if restarts:
        parts.append(f"{restarts:,} {'restart' if restarts == 1 else 'restarts'}")
    return Mrkdwn(" · ".join(parts))


def _versions(each: ServicePods) -> list[str]:
    return sorted({version_in(pod, each.container) for pod in each.pods} - {""})


def _troubled(each: ServicePods, now: datetime) -> list[Mrkdwn]:
    down = [pod for pod in each.pods if standing(pod) is Standing.DOWN]
    lines = [Mrkdwn(f"      {_pod(pod, each, now)}") for pod in down[:IN_TROUBLE]]
    if len(down) > IN_TROUBLE:
        lines.append(Mrkdwn(f"      and {len(down) - IN_TROUBLE} more like these: {code(_ask(each))}"))
    return lines


def _ask(each: ServicePods) -> str:
    return f"/pods {each.target.environment} {each.target.service}"


def _pod(pod: PodSight, of: ServicePods, now: datetime) -> Mrkdwn:
    stands = standing(pod)
    parts = [f"{_MARKS[stands]} {code(pod.name)}"]
    wrong = trouble(pod)
    if wrong:
        parts.append(bold(wrong))
    elif stands is Standing.STARTING:
        parts.append("starting")
    elif stands is Standing.LEAVING:
        parts.append("is being ended")
    version = version_in(pod, of.container)
    if version and len(_versions(of)) > 1:
        parts.append(code(version))
    if pod.node:
        parts.append(f"on {code(pod.node)}")
    parts.append(f"{span(now, pod.created)} old")
    if pod.restarts:
        parts.append(f"{pod.restarts:,} {'restart' if pod.restarts == 1 else 'restarts'}")
    death = last_death(pod)
    if death is not None:
        when = f", {span(now, death.at)} ago" if death.at else ""
        parts.append(f"last death: {esc(death.words, 60)}{when}")
    return Mrkdwn(" · ".join(parts))


def span(now: datetime, since: datetime) -> str:
    """`12 s`, `5 min`, `3 h`, `12 d`."""
    seconds = max(0, int((now - since).total_seconds()))
    for unit_s, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit_s:
            return f"{seconds // unit_s} {name}"
    return f"{seconds} s"
