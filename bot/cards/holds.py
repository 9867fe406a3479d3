"""Locks of people and rollbacks: their card, edited while they stand, and the words in its thread."""

from datetime import datetime

from bot.cards.card import Block, Card, actions, button, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, day_and_time, esc, person
from bot.domain.holds import Hold, HoldKind
from bot.domain.release import Release


def hold_card(hold: Hold, now: datetime, *, moving: Release | None = None) -> Card:
    """A hold as it stands at `now`. `moving`: the release under way at its target, which goes on."""
    first = Mrkdwn(f"{'🔒' if hold.is_open(now) else '🔓'} {_state(hold, now)}")
    blocks: list[Block] = [section(first)]
    if hold.is_open(now):
        blocks.append(section(_meaning(hold, moving)))
    blocks.append(_small_print(hold))
    blocks += actions(f"hold:{hold.id}:{hold.step}", _buttons(hold, now))
    return Card(Mrkdwn(first.replace("*", "").replace("`", "")), tuple(blocks))


def reminder_note(hold: Hold, now: datetime) -> Card:
    """To its holder, before it ends."""
    assert hold.until is not None, "what has no end is not reminded of"
    minutes = max(1, round((hold.until - now).total_seconds() / 60))
    unit = "minute" if minutes == 1 else "minutes"
    text = Mrkdwn(
        f"⏰ {person(hold.owner)}, your lock of {bold(hold.where)} ends in {minutes} {unit}, at {clock(hold.until)}. "
        "Extend it or release it with the buttons of the message above; otherwise it ends by itself."
    )
    return Card(text, (section(text),))


def ended_note(hold: Hold) -> Card:
    """That a lock ended by itself, or that somebody found it safe to go on."""
    if hold.kind is HoldKind.ROLLBACK and hold.ended_by is not None:
        text = Mrkdwn(
            f"🔓 {person(hold.ended_by)} says that it is safe to go on: {esc(hold.ended_why)}\n"
            f"{bold(hold.where)} takes releases again."
        )
    else:
        text = Mrkdwn(
            f"🔓 {person(hold.owner)}, your lock of {bold(hold.where)} has ended: its time was over. "
            "Others can release there now."
        )
    return Card(text, (section(text),))


def taken_note(hold: Hold) -> Card:
    """To the former holder: somebody took it off."""
    who = person(hold.ended_by) if hold.ended_by else Mrkdwn("somebody")
    why = f": {esc(hold.ended_why)}" if hold.ended_why else "."
    text = Mrkdwn(f"🔓 {person(hold.owner)}, {who} took off your lock of {bold(hold.where)}{why}")
    return Card(text, (section(text),))


def unlocked_card(ended: list[Hold]) -> Card:
    """The answer to `/unlock`."""
    places = ", ".join(bold(place) for place in dict.fromkeys(hold.where for hold in ended))
    text = Mrkdwn(f"🔓 {places} is no longer locked.")
    return Card(text, (section(text),))


def locked_card(hold: Hold) -> Card:
    """The answer to `/lock`, where its card is out of sight."""
    until = f" until {clock(hold.until)}" if hold.until else ""
    text = Mrkdwn(f"🔒 {bold(hold.where)} is yours{until}: {esc(hold.reason)}")
    return Card(text, (section(text),))


def hold_line(hold: Hold) -> Mrkdwn:
    """A hold in a list: who, since, until, why."""
    if hold.kind is HoldKind.ROLLBACK:
        why = f" ({esc(hold.reason, 150)})" if hold.reason else ""
        return Mrkdwn(f"🔒 rolled back from {code(hold.version)} by {person(hold.owner)}{why}, not yet found safe")
    until = f", until {clock(hold.until)}" if hold.until else ""
    return Mrkdwn(f"🔒 {person(hold.owner)} holds it since {clock(hold.since)}{until}: {esc(hold.reason, 150)}")


def _state(hold: Hold, now: datetime) -> Mrkdwn:
    place = bold(hold.where)
    if hold.kind is HoldKind.ROLLBACK:
        if hold.is_open(now):
            return Mrkdwn(f"{place} is locked: {person(hold.owner)} rolled back from {code(hold.version)}")
        if hold.ended_by is None:
            return Mrkdwn(f"The lock of {place} after its rollback is over: {esc(hold.ended_why)}")
        return Mrkdwn(f"{place} is open again: {person(hold.ended_by)} found it safe")
    if hold.is_open(now):
        until = f" until {clock(hold.until)}" if hold.until else ""
        return Mrkdwn(f"{place} is locked by {person(hold.owner)}{until}: {esc(hold.reason)}")
    if hold.ended_by is None:
        return Mrkdwn(f"{place} is open again: the lock of {person(hold.owner)} has ended")
    if hold.ended_by == hold.owner:
        return Mrkdwn(f"{place} is open again: {person(hold.owner)} released it")
    return Mrkdwn(f"{place} is open again: {person(hold.ended_by)} took off the lock of {person(hold.owner)}")


def _meaning(hold: Hold, moving: Release | None) -> Mrkdwn:
    if hold.kind is HoldKind.ROLLBACK:
        return Mrkdwn("No other version is released there until somebody writes why it is safe. Rollbacks still work.")
    others = f"Nobody but {person(hold.owner)} releases there. Rollbacks and aborts still work."
    if moving is None:
        return Mrkdwn(others)
    plan = moving.plan
    return Mrkdwn(f"{others} The release of {code(plan.to_version)} under way there goes on.")


def _small_print(hold: Hold) -> Block:
    parts = [Mrkdwn(f"since {day_and_time(hold.since)}")]
    if hold.kind is HoldKind.ROLLBACK and hold.reason:
        parts.append(Mrkdwn(f"because: {esc(hold.reason, 300)}"))
    if hold.ended_at is not None:
        parts.append(Mrkdwn(f"ended {day_and_time(hold.ended_at)}"))
        if hold.kind is HoldKind.MANUAL:
            parts.append(Mrkdwn(f"it was for: {esc(hold.reason, 300)}"))
        if hold.ended_by is not None and hold.ended_why:
            parts.append(Mrkdwn(f"because: {esc(hold.ended_why, 300)}"))
    return context(*parts)


def _buttons(hold: Hold, now: datetime) -> list[Block]:
    if not hold.is_open(now):
        return []
    value = f"{hold.id}:{hold.step}"
    if hold.kind is HoldKind.ROLLBACK:
        return [button("It is safe because…", "hold.safe", hold.id, style="primary")]
    return [button("Extend 30 min", "hold.extend", value), button("Release", "hold.release", value)]
