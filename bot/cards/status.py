"""What runs where, the list of past releases, and all that is known of one."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Protocol

from bot.cards.card import Block, Card, context, paragraphs, section
from bot.cards.emergency import emergency_line
from bot.cards.holds import hold_line
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, day_and_time, esc, person, pre
from bot.cards.queue import waiting_line
from bot.cards.release import duration, phase_mark
from bot.domain.catalog import Target
from bot.domain.emergency import Emergency
from bot.domain.holds import Hold
from bot.domain.queue import Ticket
from bot.domain.release import Release
from bot.domain.rollout import RolloutState, RolloutStatus


class Shown(Protocol):
    """What a line needs to know: bot.usecases.status.TargetStatus."""

    @property
    def target(self) -> Target: ...
    @property
    def version(self) -> str: ...
    @property
    def status(self) -> RolloutStatus | None: ...
    @property
    def paused(self) -> bool: ...
    @property
    def problem(self) -> str: ...
    @property
    def moving(self) -> Release | None: ...
    @property
    def last(self) -> Release | None: ...
    @property
    def since(self) -> datetime | None: ...
    @property
    def holds(self) -> Sequence[Hold]: ...
    @property
    def waiting(self) -> Sequence[Ticket]: ...
    @property
    def emergency(self) -> Emergency | None: ...


def status_card(found: Sequence[Shown], now: datetime) -> Card:
    """A block per environment, a line per service."""
    blocks: list[Block] = []
    for environment, group in groupby(found, key=lambda each: each.target.environment):
        services = list(group)
        blocks += paragraphs([bold(environment), *_closures(services[0]), *(_line(each, now) for each in services)])
    healthy = sum(1 for each in found if each.status and each.status.state is RolloutState.DONE)
    text = Mrkdwn(f"{healthy} of {len(found)} are healthy")
    if len(found) == 1:
        text = Mrkdwn(_line(found[0], now).replace("*", "").replace("`", ""))
    return Card(text, tuple(blocks) or (section(Mrkdwn("Nothing is configured.")),))


def _closures(each: Shown) -> list[Mrkdwn]:
    """What keeps releases out of the whole environment."""
    told = [emergency_line(each.emergency)] if each.emergency is not None else []
    return told + [hold_line(hold) for hold in each.holds if hold.service is None]


def _line(each: Shown, now: datetime) -> Mrkdwn:
    name = bold(each.target.service)
    if each.problem or each.status is None:
        return Mrkdwn(f"❔ {name}: can't be asked. {esc(each.problem, 200)}")
    status = each.status
    mark = {RolloutState.DONE: "✅", RolloutState.WAITING: "⏳", RolloutState.FAILED: "❌"}[status.state]
    if each.paused:
        mark = "⏸️"
    parts = [f"{mark} {name} {code(each.version)}"]
    if status.desired or status.ready:
        parts.append(f"{status.ready} of {status.desired} pods ready")
    if each.paused:
        parts.append("paused")
    elif status.state is not RolloutState.DONE:
        parts.append(esc(status.text, 200))
    since = each.since
    if since is not None and each.last is not None:
        parts.append(f"for {_age(now, since)}, by {person(each.last.requested_by)}")
    if each.moving is not None:
        who, what = person(each.moving.requested_by), code(each.moving.plan.to_version)
        parts.append(f"🔒 {who} releases {what} since {clock(each.moving.requested_at)}")
    parts += [hold_line(hold) for hold in each.holds if hold.service is not None]
    if each.waiting:
        parts.append(waiting_line(each.waiting))
    return Mrkdwn(" · ".join(parts))


def history_card(found: Sequence[Release], now: datetime) -> Card:
    """Past releases, a line each."""
    if not found:
        text = Mrkdwn("Nothing has been released here yet.")
        return Card(text, (section(text), context(Mrkdwn("Start with `/deploy ENV SERVICE`."))))
    lines = [_history_line(release, now) for release in found]
    return Card(Mrkdwn(f"The last {len(found)} releases"), tuple(paragraphs(lines)))


def _history_line(release: Release, now: datetime) -> Mrkdwn:
    plan = release.plan
    ended = "" if release.finished_at is None else f" · {duration(release.took_s(now))}"
    why = f" · {esc(release.outcome.text, 120)}" if release.outcome and release.outcome.code not in ("done",) else ""
    change = (
        code(plan.to_version)
        if plan.from_version == plan.to_version
        else f"{code(plan.from_version)} → {code(plan.to_version)}"
    )
    return Mrkdwn(
        f"{phase_mark(release)} {bold(str(plan.target))} {plan.kind} {change} · {day_and_time(release.requested_at)} · "
        f"{person(release.requested_by)}{ended}{why}"
    )


def details_card(release: Release) -> Card:
    """Ids, images and causes, for those who go on with kubectl."""
    plan = release.plan
    facts = [
        ("Release", release.id),
        ("Phase", release.phase.value),
        ("Workload", str(plan.workload)),
        ("Container", plan.container),
        ("From", plan.from_image),
        ("To", plan.to_image),
        ("Digest", plan.to_digest),
        ("Version", plan.origin),
        ("Plan hash", release.plan_hash[:16]),
        ("Generation", str(release.gate or "")),
        ("Fence", str(release.fence or "")),
        ("Outcome", release.outcome.text if release.outcome else ""),
        ("Next", release.outcome.remedy if release.outcome else ""),
    ]
    lines = Mrkdwn("\n".join(f"{label}: {code(value)}" for label, value in facts if value))
    blocks: list[Block] = [section(lines)]
    for trouble in release.troubles:
        blocks.append(section(Mrkdwn(f"{esc(trouble.text)}\n{esc(trouble.remedy)}")))
        if trouble.log_tail:
            blocks.append(section(pre("\n".join(trouble.log_tail))))
    return Card(Mrkdwn(f"Details of {esc(str(plan.target))} {esc(plan.to_version)}"), tuple(blocks))


def _age(now: datetime, since: datetime) -> str:
    seconds = (now - since).total_seconds()
    for unit_s, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit_s:
            count = int(seconds // unit_s)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"
