"""The words of a story of pods: its first line while it lasts and when it is over, and the sentence of a lock screen.

Called by bot.cards.pod, and by lists that name stories.
"""

from datetime import datetime

from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, esc, person
from bot.cards.release import duration
from bot.domain.pods import Cause, Recovery, Story, SubjectKind
from bot.domain.pods.desk import RESTARTABLE

WITHOUT_PODS = (Cause.JOB_MISSED, Cause.NODE_NOT_READY, Cause.AT_MAXIMUM)


def headline(story: Story) -> Mrkdwn:
    """What happened, for a list of stories: `*web* in *prd*: 1 of 6 pods ran out of memory`."""
    return Mrkdwn(f"{_who(story)}{_what(story)}")


def first_line(story: Story, now: datetime) -> Mrkdwn:
    """What fell, where, how bad and since when; or how it came right."""
    if not story.is_open:
        return Mrkdwn(f"✅ {_closing(story, now)}")
    if story.healed_at is not None:
        return Mrkdwn(f"🟡 {headline(story)}{_times(story)} · ready again")
    mark = "🔴" if _is_down(story) else "🟠"
    when = f" at {clock(story.opened_at)}" if story.cause is Cause.JOB_FAILED else f" · since {clock(story.opened_at)}"
    return Mrkdwn(f"{mark} {headline(story)}{_times(story)}{_still_serving(story)}{when}")


def lock_screen(story: Story, now: datetime) -> Mrkdwn:
    """The card as one sentence, without marks."""
    if not story.is_open:
        return _bare(f"✅ {_closing(story, now)}")
    if story.healed_at is not None:
        return _bare(f"🟡 {headline(story)}{_times(story)}, and is ready again")
    mark = "🔴" if _is_down(story) else "🟠"
    return Mrkdwn(f"{_bare(f'{mark} {headline(story)}{_times(story)}{_still_serving(story)}')}. {esc(story.text, 300)}")


def _bare(line: str) -> Mrkdwn:
    return Mrkdwn(line.replace("*", "").replace("`", ""))


def name_of(story: Story) -> Mrkdwn:
    """The service, else the object."""
    return bold(story.service or story.subject.name)


def _who(story: Story) -> Mrkdwn:
    where = bold(story.environment)
    match story.subject.kind:
        case SubjectKind.NODE:
            return Mrkdwn(f"Node {name_of(story)} of {where} ")
        case SubjectKind.POD:
            return Mrkdwn(f"Pod {name_of(story)} in {where} ")
        case SubjectKind.AUTOSCALER:
            return Mrkdwn(f"Autoscaler {name_of(story)} in {where} ")
        case SubjectKind.CRONJOB | SubjectKind.JOB:
            return Mrkdwn(f"Job {name_of(story)} in {where} ")
        case SubjectKind.DEPLOYMENT | SubjectKind.STATEFULSET | SubjectKind.DAEMONSET | SubjectKind.REPLICASET:
            return Mrkdwn(f"{name_of(story)} in {where}: ")


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
    return f", {times_in_words(story.falls)} so far"


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
        return Mrkdwn(f"{who} {_fell(story)} {times_in_words(story.falls)} while I was away, ready now")
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


def times_in_words(times: int) -> str:
    """`once`, `twice`, `12 times`."""
    return {1: "once", 2: "twice"}.get(times, f"{times:,} times")
