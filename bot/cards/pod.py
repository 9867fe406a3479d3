"""The card of pods that fall and heal: one message per story, edited until it closes. First line: what and where.

Posted by bot.reconcile.pods; its buttons come back through handlers.pods.
"""

from datetime import datetime

from bot.cards.card import Block, Card, actions, button, confirm, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, cut, day_and_time, esc, person, pre
from bot.cards.release import duration
from bot.domain.pods import Cause, Recovery, Story, SubjectKind
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
WITHOUT_PODS = (Cause.JOB_MISSED, Cause.NODE_NOT_READY, Cause.AT_MAXIMUM)


def story_card(story: Story, now: datetime) -> Card:
    """The message of a story as it stands at `now`."""
    blocks: list[Block] = [section(_opening(story, now))]
    if story.is_open:
        words = _last_words(story) if story.healed_at is None else Mrkdwn("")
        blocks += [section(part) for part in (words, _neighbours(story), _next(story)) if part]
    small = _small_print(story)
    blocks += [context(*small)] if small else []
    blocks += actions(f"pods:{story.id}:{story.step}", _buttons(story, now))
    return Card(_lock_screen(story, now), tuple(blocks), _metadata(story))


def story_note(story: Story) -> Card:
    """The last lines of the container that ended, for the story's thread."""
    container = f", container {code(story.container)}" if story.container else ""
    head = Mrkdwn(f"Last words of {code(story.pod or story.subject.name)}{container}")
    if not story.log_tail:
        return Card(head, (section(Mrkdwn(f"{head}: it left none.")),))
    return Card(head, (section(Mrkdwn(f"{head}:\n{pre(chr(10).join(story.log_tail))}")),))


def silenced_card(story: Story) -> Card:
    """To the one who asked for silence."""
    text = Mrkdwn(f"🔕 Nobody is told of {_name(story)} in {bold(story.environment)} for an hour.")
    return Card(text, (section(text), context(Mrkdwn("Its message still follows it; `Tell again` ends the silence."))))


def told_again_card(story: Story) -> Card:
    """To the one who ended a silence."""
    text = Mrkdwn(f"🔔 What happens to {_name(story)} in {bold(story.environment)} is told again.")
    return Card(text, (section(text),))


def headline(story: Story) -> Mrkdwn:
    """What happened, for a list of stories: `*web* in *prd*: 1 of 6 pods ran out of memory`."""
    return Mrkdwn(f"{_who(story)}{_what(story)}")


def _opening(story: Story, now: datetime) -> Mrkdwn:
    first = _first_line(story, now)
    if not story.is_open:
        return first
    return Mrkdwn(f"{first}\n{esc(story.text, 500)}" if story.text else first)


def _first_line(story: Story, now: datetime) -> Mrkdwn:
    if not story.is_open:
        return Mrkdwn(f"✅ {_closing(story, now)}")
    if story.healed_at is not None:
        return Mrkdwn(f"🟡 {headline(story)}{_times(story)} · ready again")
    mark = "🔴" if _is_down(story) else "🟠"
    when = f" at {clock(story.opened_at)}" if story.cause is Cause.JOB_FAILED else f" · since {clock(story.opened_at)}"
    return Mrkdwn(f"{mark} {headline(story)}{_times(story)}{_still_serving(story)}{when}")


def _lock_screen(story: Story, now: datetime) -> Mrkdwn:
    """The card as one sentence, without marks."""
    if not story.is_open:
        return _bare(f"✅ {_closing(story, now)}")
    if story.healed_at is not None:
        return _bare(f"🟡 {headline(story)}{_times(story)}, and is ready again")
    mark = "🔴" if _is_down(story) else "🟠"
    return Mrkdwn(f"{_bare(f'{mark} {headline(story)}{_times(story)}{_still_serving(story)}')}. {esc(story.text, 300)}")


def _bare(line: str) -> Mrkdwn:
    return Mrkdwn(line.replace("*", "").replace("`", ""))


def _name(story: Story) -> Mrkdwn:
    return bold(story.service or story.subject.name)


def _who(story: Story) -> Mrkdwn:
    where = bold(story.environment)
    match story.subject.kind:
        case SubjectKind.NODE:
            return Mrkdwn(f"Node {_name(story)} of {where} ")
        case SubjectKind.POD:
            return Mrkdwn(f"Pod {_name(story)} in {where} ")
        case SubjectKind.AUTOSCALER:
            return Mrkdwn(f"Autoscaler {_name(story)} in {where} ")
        case SubjectKind.CRONJOB | SubjectKind.JOB:
            return Mrkdwn(f"Job {_name(story)} in {where} ")
        case SubjectKind.DEPLOYMENT | SubjectKind.STATEFULSET | SubjectKind.DAEMONSET | SubjectKind.REPLICASET:
            return Mrkdwn(f"{_name(story)} in {where}: ")


def _what(story: Story) -> str:
    one = story.pods_affected <= 1
    its = "its" if one else "their"
    words = {
        Cause.OOM_KILLED: "ran out of memory",
        Cause.CRASHED: "crashed",
        Cause.PROBE_KILLED: f"{'was' if one else 'were'} restarted because {its} probe fails",
        Cause.CRASH_LOOP: f"{'crashes' if one else 'crash'} again and again",
        Cause.IMAGE_MISSING: f"can't start: {its} image does not exist",
        Cause.IMAGE_PULL: f"can't start: {its} image can't be pulled",
        Cause.CONFIG_ERROR: f"can't start: {its} configuration is incomplete",
        Cause.START_ERROR: f"can't start: {its} command can't be run",
        Cause.VOLUME: f"can't start: {its} volume can't be attached",
        Cause.EVICTED: f"{'was' if one else 'were'} put out by {its} node",
        Cause.DRAINED: f"{'was' if one else 'were'} drained from {its} node",
        Cause.PREEMPTED: "had to make room for more important pods",
        Cause.NODE_LOST: f"{'was' if one else 'were'} lost with {its} node",
        Cause.UNSCHEDULABLE: f"{'finds' if one else 'find'} no node to run on",
        Cause.JOB_FAILED: "failed",
        Cause.JOB_MISSED: "did not start on time",
        Cause.NODE_NOT_READY: "is not ready",
        Cause.AT_MAXIMUM: "is at its maximum and wants more pods",
    }[story.cause]
    return f"{_pods(story)}{words}"


def _pods(story: Story) -> str:
    """`1 of 6 pods `; nothing where the subject itself is what fell."""
    if story.subject.kind in (SubjectKind.NODE, SubjectKind.POD, SubjectKind.AUTOSCALER, SubjectKind.CRONJOB):
        return ""
    if story.subject.kind is SubjectKind.JOB or story.cause in WITHOUT_PODS or story.cause is Cause.JOB_FAILED:
        return ""
    affected = max(1, story.pods_affected)
    if story.desired == affected > 1:
        return f"all {affected} pods "
    if story.desired >= affected:
        return f"{affected} of {story.desired} {'pod' if story.desired == 1 else 'pods'} "
    return f"{affected} {'pod' if affected == 1 else 'pods'} "


def _times(story: Story) -> str:
    """How often so far, when it is more than once per pod."""
    if story.falls <= max(1, story.pods_affected):
        return ""
    return f", {_count(story.falls)} so far"


def _has_serving(story: Story) -> bool:
    return story.subject.kind in (*RESTARTABLE, SubjectKind.REPLICASET) and story.cause not in WITHOUT_PODS


def _is_down(story: Story) -> bool:
    """Nothing serves any more, or what it was for did not happen."""
    if story.cause in (Cause.JOB_FAILED, Cause.JOB_MISSED, Cause.NODE_NOT_READY):
        return True
    return _has_serving(story) and story.desired > 0 and story.serving <= 0


def _still_serving(story: Story) -> str:
    if not _has_serving(story) or story.desired <= 0:
        return ""
    if story.serving <= 0:
        return " · *none serves*"
    if story.serving >= story.desired:
        return f" · all {story.serving} serve" if story.serving > 1 else " · it serves"
    return f" · {story.serving} still {'serves' if story.serving == 1 else 'serve'}"


def _closing(story: Story, now: datetime) -> Mrkdwn:
    """`*web* in *prd* healed by itself after 0:41: restarted by the kubelet, 1 restart`."""
    who = _who(story).rstrip(" :")
    took = duration(story.lasted_s(now))
    if story.away_falls > 0 and story.away_falls >= story.falls and story.recovery is not Recovery.DELETED:
        return Mrkdwn(f"{who} {_fell(story)} {_count(story.falls)} while I was away, ready now")
    return Mrkdwn(f"{who} {_ending(story, took)}")


def _fell(story: Story) -> str:
    match story.cause:
        case Cause.JOB_FAILED:
            return "failed"
        case Cause.JOB_MISSED:
            return "missed its start"
        case Cause.NODE_NOT_READY:
            return "was not ready"
        case Cause.OOM_KILLED:
            return "ran out of memory"
        case _:
            return "crashed"


def _ending(story: Story, took: str) -> str:
    restarts = f"{story.falls:,} {'restart' if story.falls == 1 else 'restarts'}"
    match story.recovery:
        case Recovery.RESTARTED:
            return f"healed by itself after {took}: restarted by the kubelet, {restarts}"
        case Recovery.REPLACED:
            node = f" on {code(story.healed_by_node)}" if story.healed_by_node else ""
            many = "a new pod" if story.pods_affected <= 1 else "new pods"
            return f"healed by itself after {took}: replaced by {many}{node}"
        case Recovery.ROLLED_OUT:
            return f"is well again after {took}{_rolled_out(story)}"
        case Recovery.SCALED_AWAY:
            return f"is well again after {took}: fewer pods are wanted now, those that fell are gone"
        case Recovery.DELETED:
            return f"is over after {took}: the {story.subject.kind} was deleted"
        case Recovery.FINISHED:
            return f"is well again after {took}: a later run succeeded"
        case Recovery.BACK:
            if story.subject.kind is SubjectKind.NODE:
                return f"is ready again after {took}"
            return f"is below its maximum again after {took}"
        case None:
            return f"is well again after {took}"


def _rolled_out(story: Story) -> str:
    """Who brought it right, when it was a release of ours."""
    release = story.mended_by
    if release is None:
        return ": pods of another version took over"
    did = "rolled back to" if release.is_rollback else "released"
    return f": {person(release.by)} {did} {code(release.version)}"


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
        parts.append(Mrkdwn(f"{_count(story.falls_today)} today"))
    if story.flaps:
        parts.append(Mrkdwn(f"seemed healed {_count(story.flaps)} meanwhile"))
    if story.away_falls and (story.is_open or story.away_falls < story.falls):
        parts.append(Mrkdwn(f"{_count(story.away_falls)} while I was away"))
    if story.silenced_until is not None:
        by = f" by {person(story.silenced_by)}" if story.silenced_by else ""
        parts.append(Mrkdwn(f"🔕 silenced until {clock(story.silenced_until)}{by}"))
    return parts


def _count(times: int) -> str:
    return {1: "once", 2: "twice"}.get(times, f"{times:,} times")


def _buttons(story: Story, now: datetime) -> list[Block]:
    value = f"{story.id}:{story.step}"
    shown: list[Block] = []
    if story.pod and story.subject.namespace:
        shown.append(button("Logs", "pods.logs", value))
    if not story.is_open:
        return shown
    where = f"{_name(story)} in {bold(story.environment)}"
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
