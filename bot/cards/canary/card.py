"""The canary card: one message per canary. First line: what, where, which share; then the numbers side by side."""

from datetime import datetime, timedelta

from bot.cards.canary.numbers import numbers
from bot.cards.canary.words import got, parts, percent
from bot.cards.card import Block, Card, actions, button, confirm, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, day_and_time, esc, person
from bot.cards.release import duration, metadata_of
from bot.domain.canary.judgement import Verdict
from bot.domain.canary.scheme import VALID, CanaryCourse, CanaryScheme, Driver
from bot.domain.canary.steering import LEFT_STANDING
from bot.domain.digests import short
from bot.domain.images import digest_of
from bot.domain.release import Release, ReleasePhase

BAR_CELLS = 10


def canary_card(release: Release, now: datetime) -> Card:
    """The message of a canary as it stands at `now`."""
    first = _first_line(release)
    blocks: list[Block] = [section(first)]
    blocks += [section(line) for line in (_motion(release, now), *_words(release)) if line]
    blocks += numbers(release)
    blocks.append(_small_print(release))
    blocks += actions(f"canary:{release.id}:{release.step}", _buttons(release))
    text = Mrkdwn(first.replace("*", "").replace("`", ""))
    return Card(text, tuple(blocks), metadata_of(release))


def _first_line(release: Release) -> Mrkdwn:
    plan, (_scheme, course) = release.plan, parts(release)
    what = f"{bold(plan.target.service)} {code(plan.to_version)} in {bold(plan.target.environment)}"
    share = f"{course.asked} %"
    match release.phase:
        case ReleasePhase.AWAITING_CONFIRMATION | ReleasePhase.AWAITING_APPROVAL:
            return Mrkdwn(f"✋ Canary of {what}, beginning with {share}, waits for approval")
        case ReleasePhase.QUEUED:
            return Mrkdwn(f"🐤 Canary of {what} begins with {share}")
        case ReleasePhase.PROGRESSING | ReleasePhase.PAUSED if course.ending or release.is_aborting:
            return Mrkdwn(f"⏪ Canary of {what} is being taken down")
        case ReleasePhase.PROGRESSING if course.promotion:
            return Mrkdwn(f"⏫ Canary of {what} is being promoted")
        case ReleasePhase.PROGRESSING if course.reached_at is None:
            return Mrkdwn(f"🐤 Canary of {what} goes to {share}")
        case ReleasePhase.PROGRESSING:
            return Mrkdwn(f"🐤 Canary of {what} gets {got(course)}")
        case ReleasePhase.PAUSED:
            why = "is worse and paused" if course.verdict is Verdict.WORSE and not course.held_by else "is paused"
            return Mrkdwn(f"⏸️ Canary of {what} {why} at {got(course)}")
        case ReleasePhase.SUCCEEDED:
            return Mrkdwn(f"✅ Canary of {what} was promoted: everybody gets it now")
        case ReleasePhase.FAILED if release.outcome is not None and release.outcome.code == LEFT_STANDING:
            return Mrkdwn(f"❌ Canary of {what} could not be taken down")
        case ReleasePhase.FAILED:
            return Mrkdwn(f"❌ Canary of {what} failed and is gone")
        case ReleasePhase.ABORTED:
            return Mrkdwn(f"⏹️ Canary of {what} was taken down")
        case ReleasePhase.SUPERSEDED:
            return Mrkdwn(f"↪️ Canary of {what} was superseded and is gone")


def _motion(release: Release, now: datetime) -> Mrkdwn:
    """Share asked and reached as a bar, which step of how many, and when the next one comes."""
    scheme, course = parts(release)
    if release.phase not in (ReleasePhase.PROGRESSING, ReleasePhase.PAUSED) or course.ending or course.promotion:
        return Mrkdwn("")
    achieved = course.achieved or 0.0
    filled = min(BAR_CELLS, round(achieved / 100 * BAR_CELLS) or (1 if achieved > 0 else 0))
    bar = "▰" * filled + "▱" * (BAR_CELLS - filled)
    shares = f"{course.asked} % asked"
    if course.achieved is not None:
        shares += f", {course.pods} = {percent(achieved)}" if course.pods else f", {percent(achieved)} reached"
    return Mrkdwn(" · ".join(part for part in (f"{bar}  {shares}", _step_words(release, scheme, course, now)) if part))


def _step_words(release: Release, scheme: CanaryScheme, course: CanaryCourse, now: datetime) -> str:
    if course.moved_by is not None:
        return "the share was set by hand"
    if len(scheme.steps) == 1:
        return ""
    words = f"step {course.index + 1} of {len(scheme.steps)}"
    if course.reached_at is None or release.phase is ReleasePhase.PAUSED:
        return words
    left = course.reached_at + timedelta(seconds=scheme.interval_s) - now
    last = course.index + 1 == len(scheme.steps)
    after = "promotion" if last and scheme.promotes else "decide" if last else "next"
    if left > timedelta(0):
        return f"{words}, {after} in {duration(left.total_seconds())}"
    return f"{words}, waiting for clear numbers" if course.verdict is Verdict.UNCLEAR else words


def _words(release: Release) -> list[Mrkdwn]:
    """What it means and what to do next."""
    plan, (_scheme, course), outcome = release.plan, parts(release), release.outcome
    lines: list[Mrkdwn] = []
    if release.phase is ReleasePhase.AWAITING_APPROVAL:
        missing = release.approvals_needed - len(release.approved_by)
        people = "one more person" if missing == 1 else f"{missing} more people"
        lines.append(
            Mrkdwn(
                f"Needs a yes from {people} with the role approver, other than {person(release.requested_by)}, "
                f"until {clock(release.approvals_until)}."
            )
        )
    if release.notice and not release.phase.is_over:
        lines.append(Mrkdwn(f"⚠️ {esc(release.notice)}"))
    if outcome is not None and outcome.code == "aborted" and not release.phase.is_over:
        lines.append(Mrkdwn(f"Its requests go back to {code(plan.from_version)} now."))
    elif outcome is not None:
        next_ = f"\n*Next:* {esc(outcome.remedy)}" if outcome.remedy else ""
        lines.append(Mrkdwn(f"{esc(outcome.text)}{next_}"))
    elif release.phase in (ReleasePhase.PROGRESSING, ReleasePhase.PAUSED) and course.judged_at is not None:
        lines.append(_verdict(release, course))
    if not release.phase.is_over:
        lines += [Mrkdwn(f"⚠️ {esc(trouble.text)}\n{esc(trouble.remedy)}") for trouble in release.troubles[:2]]
    stands = outcome is not None and outcome.code == LEFT_STANDING
    if release.phase.is_over and release.phase is not ReleasePhase.SUCCEEDED and not stands:
        lines.append(Mrkdwn(f"{code(plan.from_version)} serves everybody, as before."))
    return lines


def _verdict(release: Release, course: CanaryCourse) -> Mrkdwn:
    old = code(release.plan.from_version)
    match course.verdict:
        case Verdict.GOOD:
            return Mrkdwn(f"So far as good as {old}.")
        case Verdict.WORSE if release.phase is ReleasePhase.PAUSED:
            return Mrkdwn(f"Worse than {old}; it stays at its share until somebody decides.")
        case Verdict.WORSE:
            return Mrkdwn(f"Worse than {old}; it goes on because somebody resumed it.")
        case Verdict.UNCLEAR:
            why = next((each.text for each in course.findings if each.verdict is Verdict.UNCLEAR), "")
            reason = esc(why) if why else Mrkdwn("there are no numbers from Datadog for it")
            return Mrkdwn(f"Cannot tell yet whether it is as good as {old}: {reason}.")


def _small_print(release: Release) -> Block:
    plan, (scheme, course) = release.plan, parts(release)
    told = [Mrkdwn(f"asked by {person(release.requested_by)} at {clock(release.requested_at)}"), esc(plan.origin)]
    steps = " → ".join(f"{step} %" for step in scheme.steps) + (" → all" if scheme.promotes else "")
    told.append(Mrkdwn(f"{steps}, every {_interval(scheme.interval_s)}" if len(scheme.steps) > 1 else steps))
    told.append(_means(scheme))
    if plan.is_pinned:
        told.append(code(short(digest_of(plan.to_image))))
    if release.approved_by:
        told.append(Mrkdwn("approved by " + ", ".join(person(user) for user in release.approved_by)))
    if course.held_by:
        told.append(Mrkdwn(f"paused by {person(course.held_by)}"))
    if course.promoted_by:
        by = "its plan" if course.promoted_by == "kajitori" else person(course.promoted_by)
        told.append(Mrkdwn(f"promoted by {by}"))
    if release.abort_by:
        told.append(Mrkdwn(f"aborted by {person(release.abort_by)}"))
    if course.reminded_at and not release.phase.is_over and release.started_at is not None:
        told.append(Mrkdwn(f"⏰ taken down on {day_and_time(release.started_at + VALID)} if nobody decides"))
    told.append(code(release.id[-4:].lower()))
    return context(*told)


def _means(scheme: CanaryScheme) -> Mrkdwn:
    match scheme.driver:
        case Driver.PODS:
            return Mrkdwn("by counting pods")
        case Driver.HTTP_ROUTE:
            return Mrkdwn(f"by weights of the HTTPRoute {code(scheme.carrier)}")
        case Driver.INGRESS:
            return Mrkdwn(f"by annotations of the Ingress {code(scheme.carrier)}")
        case Driver.ROLLOUT:
            return Mrkdwn(f"by steps of the Rollout {code(scheme.carrier)}")


def _interval(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def _buttons(release: Release) -> list[Block]:
    scheme, course = parts(release)
    value = f"{release.id}:{release.step}"
    plan = release.plan
    details = button("Details", "release.details", value)
    if release.phase.is_over:
        return [details]
    if release.phase is ReleasePhase.AWAITING_APPROVAL:
        return [
            button("Approve", "release.approve", value, style="primary"),
            button("Reject…", "release.reject", value),
            button("Withdraw", "release.abort", value),
        ]
    if course.ending or release.is_aborting or course.promotion:
        return [details]
    question = Mrkdwn(f"{code(plan.to_version)} gets no more requests; {code(plan.from_version)} serves everybody.")
    stop = button(
        "Abort", "release.abort", value, style="danger", confirm=confirm("Abort this canary?", question, "Abort")
    )
    if release.phase is ReleasePhase.QUEUED:
        return [stop]
    paused = release.phase is ReleasePhase.PAUSED
    rows = [button("Resume", "canary.resume", value) if paused else button("Pause", "canary.pause", value)]
    if course.index + 1 < len(scheme.steps) and course.moved_by is None:
        rows.insert(0, button(f"Next: {scheme.steps[course.index + 1]} %", "canary.next", value))
    ask = confirm("Promote to everybody?", _promotion(release, course), "Promote", "Not yet", danger=False)
    # What the numbers advise comes forward: promotion only for a version that is as good, abort for a worse one.
    advised = not paused and course.verdict is Verdict.GOOD
    rows.append(button("Promote", "canary.promote", value, style="primary" if advised else None, confirm=ask))
    return [stop, *rows] if course.verdict is Verdict.WORSE else [*rows, stop]


def _promotion(release: Release, course: CanaryCourse) -> Mrkdwn:
    """What a promotion means, with what the numbers have to say about it."""
    plan = release.plan
    means = (
        f"All requests to {bold(plan.target.service)} in {bold(plan.target.environment)} get {code(plan.to_version)}."
    )
    match course.verdict:
        case Verdict.GOOD:
            return Mrkdwn(means)
        case Verdict.WORSE:
            return Mrkdwn(f"{means} It was judged worse than {code(plan.from_version)}.")
        case Verdict.UNCLEAR:
            return Mrkdwn(f"{means} Nobody can tell yet whether it is as good as {code(plan.from_version)}.")
