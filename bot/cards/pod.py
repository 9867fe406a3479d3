"""The card of pods that fall and heal: one message per story, edited until it closes. First line: what and where.

Posted by bot.reconcile.pods; its buttons come back through handlers.pods.
"""

from datetime import datetime

from bot.cards.card import Block, Card, actions, button, confirm, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, cut, day_and_time, esc, person, pre
from bot.cards.pod_words import first_line, lock_screen, name_of, times_in_words
from bot.domain.pods import Cause, Story, SubjectKind
from bot.domain.pods.desk import RESTARTABLE

EVENT_TYPE = "kajitori_pods"
LAST_WORDS = 2
"""Log lines on the card; all of them are in its thread."""
WORDS_LIMIT = 200
MENDED_BY_RESTART = (
    *(Cause.OOM_KILLED, Cause.CRASHED, Cause.PROBE_KILLED, Cause.CRASH_LOOP, Cause.START_ERROR),
    *(Cause.EVICTED, Cause.DRAINED, Cause.PREEMPTED, Cause.NODE_LOST),
)
"""Causes where new pods of the same template may help; a missing image or setting stays missing."""


def story_card(story: Story, now: datetime) -> Card:
    """The message of a story as it stands at `now`."""
    blocks: list[Block] = [section(_opening(story, now))]
    if story.is_open:
        words = _last_words(story) if story.healed_at is None else Mrkdwn("")
        blocks += [section(part) for part in (words, _neighbours(story), _next(story)) if part]
    small = _small_print(story)
    blocks += [context(*small)] if small else []
    blocks += actions(f"pods:{story.id}:{story.step}", _buttons(story, now))
    return Card(lock_screen(story, now), tuple(blocks), _metadata(story))


def story_note(story: Story) -> Card:
    """The last lines of the container that ended, for the story's thread."""
    container = f", container {code(story.container)}" if story.container else ""
    head = Mrkdwn(f"Last words of {code(story.pod or story.subject.name)}{container}")
    if not story.log_tail:
        return Card(head, (section(Mrkdwn(f"{head}: it left none.")),))
    return Card(head, (section(Mrkdwn(f"{head}:\n{pre(chr(10).join(story.log_tail))}")),))


def silenced_card(story: Story) -> Card:
    """To the one who asked for silence."""
    text = Mrkdwn(f"🔕 Nobody is told of {name_of(story)} in {bold(story.environment)} for an hour.")
    return Card(text, (section(text), context(Mrkdwn("Its message still follows it; `Tell again` ends the silence."))))


def told_again_card(story: Story) -> Card:
    """To the one who ended a silence."""
    text = Mrkdwn(f"🔔 What happens to {name_of(story)} in {bold(story.environment)} is told again.")
    return Card(text, (section(text),))


def _opening(story: Story, now: datetime) -> Mrkdwn:
    first = first_line(story, now)
    if not story.is_open:
        return first
    return Mrkdwn(f"{first}\n{esc(story.text, 500)}" if story.text else first)


def _last_words(story: Story) -> Mrkdwn:
    lines = [line for line in story.log_tail if line.strip()][-LAST_WORDS:]
    if not lines:
        return Mrkdwn("")
    return Mrkdwn(f"Last words:\n{pre(chr(10).join(cut(line.strip(), WORDS_LIMIT) for line in lines), 600)}")


def _neighbours(story: Story) -> Mrkdwn:
    """What happened around it that may be why: a release, the node, an alert; and what else fell."""
    lines: list[str] = []
    release = story.release
    if release is not None:
        ago = _before(release.at, story.opened_at)
        lines.append(f"🚀 {code(release.version)} was released {ago} by {person(release.by)}.")
    if story.node_trouble:
        lines.append(f"🖥️ {esc(story.node_trouble, 300)}")
    if story.alert is not None:
        lines.append(f"🔔 Datadog: {esc(story.alert.title, 200)}")
    lines += [f"Also: {esc(each, 200)}" for each in story.also[:2]]
    if len(story.also) > 2:
        lines.append(f"Also: {len(story.also) - 2} more causes.")
    return Mrkdwn("\n".join(lines))


def _before(at: datetime, fall: datetime) -> str:
    """`8 min before`, `just before`, `2 min after the first fall`."""
    minutes = round((fall - at).total_seconds() / 60)
    if minutes < 0:
        return f"{-minutes} min after the first fall"
    return f"{minutes} min before" if minutes else "just before"


def _next(story: Story) -> Mrkdwn:
    undo = ""
    if story.release is not None and story.release.may_roll_back:
        undo = f" If it began with {code(story.release.version)}, roll back."
    if not story.remedy and not undo:
        return Mrkdwn("")
    return Mrkdwn(f"*Next:* {esc(story.remedy, 500)}{undo}")


def _small_print(story: Story) -> list[Mrkdwn]:
    parts: list[Mrkdwn] = []
    if not story.is_open:
        parts.append(Mrkdwn(f"{esc(story.text, 300)} Began {day_and_time(story.opened_at)}"))
    near = story.release if not story.is_open else None
    if near is not None:
        parts.append(
            Mrkdwn(f"{code(near.version)} was released {_before(near.at, story.opened_at)} by {person(near.by)}")
        )
    if story.version and (near is None or near.version != story.version):
        parts.append(code(story.version))
    if story.pod:
        on = f" on {code(story.node)}" if story.node else ""
        parts.append(Mrkdwn(f"pod {code(story.pod)}{on}"))
    if story.falls_today > story.falls:
        parts.append(Mrkdwn(f"{times_in_words(story.falls_today)} today"))
    if story.flaps:
        parts.append(Mrkdwn(f"seemed healed {times_in_words(story.flaps)} meanwhile"))
    if story.away_falls and (story.is_open or story.away_falls < story.falls):
        parts.append(Mrkdwn(f"{times_in_words(story.away_falls)} while I was away"))
    if story.silenced_until is not None:
        by = f" by {person(story.silenced_by)}" if story.silenced_by else ""
        parts.append(Mrkdwn(f"🔕 silenced until {clock(story.silenced_until)}{by}"))
    return parts


def _buttons(story: Story, now: datetime) -> list[Block]:
    value = f"{story.id}:{story.step}"
    shown: list[Block] = []
    if story.pod and story.subject.namespace:
        shown.append(button("Logs", "pods.logs", value))
    if not story.is_open:
        return shown
    where = f"{name_of(story)} in {bold(story.environment)}"
    release = story.release
    if release is not None and release.may_roll_back and story.service is not None:
        question = Mrkdwn(f"{where} goes back to {code(release.from_version)}.")
        ask = confirm("Roll back?", question, "Roll back")
        label = f"Roll back to {release.from_version}"
        shown.append(button(label, "pods.rollback", value, style="primary", confirm=ask))
    if story.service is not None and story.subject.kind in RESTARTABLE and story.cause in MENDED_BY_RESTART:
        question = Mrkdwn(f"All pods of {where} are replaced one after the other; the version stays.")
        shown.append(button("Restart", "pods.restart", value, confirm=confirm("Restart?", question, "Restart")))
    if story.subject.kind is SubjectKind.CRONJOB:
        question = Mrkdwn(f"{where} runs now, once, whatever its schedule says.")
        ask = confirm("Run it again?", question, "Run again", "Leave it", danger=False)
        shown.append(button("Run again", "pods.rerun", value, confirm=ask))
    if story.silenced_until is not None and story.silenced_until > now:
        shown.append(button("Tell again", "pods.unsilence", value))
    else:
        shown.append(button("Silence 1 h", "pods.silence", value))
    return shown


def _metadata(story: Story) -> dict[str, object]:
    return {
        "event_type": EVENT_TYPE,
        "event_payload": {
            "story": story.id,
            "environment": story.environment,
            "service": story.service or "",
            "kind": story.subject.kind.value,
            "namespace": story.subject.namespace,
            "workload": story.subject.name,
            "cause": story.cause.value,
            "state": "closed" if not story.is_open else "open" if story.healed_at is None else "healing",
            "recovery": story.recovery.value if story.recovery else "",
            "falls": story.falls,
        },
    }
