"""The canary card: one message per canary. First line: what, where, which share; then the numbers side by side."""

from datetime import datetime, timedelta

from bot.cards.card import Block, Card, actions, button, confirm, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, cut, day_and_time, esc, person, visible
from bot.cards.release import duration, metadata_of
from bot.domain.canary.judgement import Finding, Verdict
from bot.domain.canary.scheme import VALID, CanaryCourse, CanaryScheme, Driver
from bot.domain.canary.setting import CanarySetting
from bot.domain.canary.shares import PodShare, stable_pods_for
from bot.domain.release import Plan, Release, ReleasePhase

BAR_CELLS = 10
LONGEST_LABEL = 20
FEWEST_DRAWN = 3


def canary_card(release: Release, now: datetime) -> Card:
    """The message of a canary as it stands at `now`."""
    first = _first_line(release)
    blocks: list[Block] = [section(first)]
    blocks += [section(line) for line in (_motion(release, now), *_words(release)) if line]
    blocks += _numbers(release)
    blocks.append(_small_print(release))
    blocks += actions(f"canary:{release.id}:{release.step}", _buttons(release))
    text = Mrkdwn(first.replace("*", "").replace("`", ""))
    return Card(text, tuple(blocks), metadata_of(release))


def _parts(release: Release) -> tuple[CanaryScheme, CanaryCourse]:
    assert release.plan.canary is not None
    return release.plan.canary, release.canary or CanaryCourse()


def _first_line(release: Release) -> Mrkdwn:
    plan, (_scheme, course) = release.plan, _parts(release)
    what = f"{bold(plan.target.service)} {code(plan.to_version)} in {bold(plan.target.environment)}"
    share = f"{course.asked} %"
    match release.phase:
        case ReleasePhase.AWAITING_APPROVAL:
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
            return Mrkdwn(f"🐤 Canary of {what} gets {_got(course)}")
        case ReleasePhase.PAUSED:
            why = "is worse and paused" if course.verdict is Verdict.WORSE and not course.held_by else "is paused"
            return Mrkdwn(f"⏸️ Canary of {what} {why} at {_got(course)}")
        case ReleasePhase.SUCCEEDED:
            return Mrkdwn(f"✅ Canary of {what} was promoted: everybody gets it now")
        case ReleasePhase.FAILED:
            return Mrkdwn(f"❌ Canary of {what} failed and is gone")
        case ReleasePhase.ABORTED:
            return Mrkdwn(f"⏹️ Canary of {what} was taken down")
        case ReleasePhase.SUPERSEDED:
            return Mrkdwn(f"↪️ Canary of {what} was superseded and is gone")


def _got(course: CanaryCourse) -> str:
    return f"{course.asked} %" if course.achieved is None else _percent(course.achieved)


def _percent(share: float) -> str:
    return f"{share:.0f} %" if abs(share - round(share)) < 0.05 else f"{share:.1f} %"


def _motion(release: Release, now: datetime) -> Mrkdwn:
    """Share asked and reached as a bar, which step of how many, and when the next one comes."""
    scheme, course = _parts(release)
    if release.phase not in (ReleasePhase.PROGRESSING, ReleasePhase.PAUSED) or course.ending or course.promotion:
        return Mrkdwn("")
    achieved = course.achieved or 0.0
    filled = min(BAR_CELLS, round(achieved / 100 * BAR_CELLS) or (1 if achieved > 0 else 0))
    bar = "▰" * filled + "▱" * (BAR_CELLS - filled)
    shares = f"{course.asked} % asked"
    if course.achieved is not None:
        shares += f", {course.pods} = {_percent(achieved)}" if course.pods else f", {_percent(achieved)} reached"
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
    plan, (_scheme, course), outcome = release.plan, _parts(release), release.outcome
    lines: list[Mrkdwn] = []
    if release.phase is ReleasePhase.AWAITING_APPROVAL:
        missing = release.approvals_needed - len(release.approved_by)
        people = "one more person" if missing == 1 else f"{missing} more people"
        lines.append(
            Mrkdwn(f"Needs a yes from {people} with the role approver, other than {person(release.requested_by)}.")
        )
    if release.notice and not release.phase.is_over:
        lines.append(Mrkdwn(f"⚠️ {esc(release.notice)}"))
    if outcome is not None:
        next_ = f"\n*Next:* {esc(outcome.remedy)}" if outcome.remedy else ""
        lines.append(Mrkdwn(f"{esc(outcome.text)}{next_}"))
    elif release.phase in (ReleasePhase.PROGRESSING, ReleasePhase.PAUSED) and course.judged_at is not None:
        lines.append(_verdict(release, course))
    if not release.phase.is_over:
        lines += [Mrkdwn(f"⚠️ {esc(trouble.text)}\n{esc(trouble.remedy)}") for trouble in release.troubles[:2]]
    if release.phase.is_over and release.phase is not ReleasePhase.SUCCEEDED:
        lines.append(Mrkdwn(f"{code(plan.from_version)} serves everybody, as before."))
    return lines


def _verdict(release: Release, course: CanaryCourse) -> Mrkdwn:
    old = code(release.plan.from_version)
    match course.verdict:
        case Verdict.GOOD:
            return Mrkdwn(f"So far as good as {old}.")
        case Verdict.WORSE:
            return Mrkdwn(f"Worse than {old}; it goes on because somebody resumed it.")
        case Verdict.UNCLEAR:
            why = next((each.text for each in course.findings if each.verdict is Verdict.UNCLEAR), "")
            reason = esc(why) if why else Mrkdwn("there are no numbers from Datadog for it")
            return Mrkdwn(f"Cannot tell yet whether it is as good as {old}: {reason}.")


def _numbers(release: Release) -> list[Block]:
    """Old and new side by side, with the verdict in words; and the last minutes as a chart."""
    plan, (_scheme, course) = release.plan, _parts(release)
    if not course.findings:
        return []
    head = [_cell(""), _cell(plan.from_version), _cell(plan.to_version), _cell("")]
    rows = [
        [_cell(each.name), _cell(_value(each.old, each)), _cell(_value(each.new, each)), _cell(each.text)]
        for each in course.findings[:12]
    ]
    right = {"align": "right"}
    blocks: list[Block] = [
        {
            "type": "table",
            "rows": [head, *rows],
            "column_settings": [{"align": "left"}, right, right, {"align": "left"}],
        }
    ]
    drawn = [point for point in course.graph if point.new is not None and point.old is not None]
    if len(drawn) >= FEWEST_DRAWN and not release.phase.is_over:
        times = [f"{point.at:%H:%M:%S}" for point in drawn]
        series = [
            {
                # with which it is, for versions that begin alike are cut to the same letters
                "name": cut(visible(name), LONGEST_LABEL),
                "data": [{"label": at, "value": value} for at, value in zip(times, values, strict=True)],
            }
            for name, values in (
                (f"old {plan.from_version}", [round(point.old or 0.0, 3) for point in drawn]),
                (f"new {plan.to_version}", [round(point.new or 0.0, 3) for point in drawn]),
            )
        ]
        chart = {"type": "line", "series": series, "axis_config": {"categories": times}}
        blocks.append({"type": "data_visualization", "title": cut(visible(course.graph_of), 50), "chart": chart})
    return blocks


def _cell(text: str) -> Block:
    return {"type": "raw_text", "text": cut(visible(text), 100) or " "}


def _value(value: float | None, finding: Finding) -> str:
    if value is None:
        return "–"
    shown = f"{value:.2f}" if finding.unit == "%" else f"{value:.3g}" if value < 10 else f"{value:,.0f}"
    return f"{shown} {finding.unit}".rstrip()


def _small_print(release: Release) -> Block:
    plan, (scheme, course) = release.plan, _parts(release)
    parts = [Mrkdwn(f"asked by {person(release.requested_by)} at {clock(release.requested_at)}"), esc(plan.origin)]
    steps = " → ".join(f"{step} %" for step in scheme.steps) + (" → all" if scheme.promotes else "")
    parts.append(Mrkdwn(f"{steps}, every {_interval(scheme.interval_s)}" if len(scheme.steps) > 1 else steps))
    parts.append(_means(scheme))
    if release.approved_by:
        parts.append(Mrkdwn("approved by " + ", ".join(person(user) for user in release.approved_by)))
    if course.held_by:
        parts.append(Mrkdwn(f"paused by {person(course.held_by)}"))
    if course.promoted_by:
        by = "its plan" if course.promoted_by == "kajitori" else person(course.promoted_by)
        parts.append(Mrkdwn(f"promoted by {by}"))
    if release.abort_by:
        parts.append(Mrkdwn(f"aborted by {person(release.abort_by)}"))
    if course.reminded_at and not release.phase.is_over and release.started_at is not None:
        parts.append(Mrkdwn(f"⏰ taken down on {day_and_time(release.started_at + VALID)} if nobody decides"))
    parts.append(code(release.id[-4:].lower()))
    return context(*parts)


def _means(scheme: CanaryScheme) -> Mrkdwn:
    match scheme.driver:
        case Driver.PODS:
            return Mrkdwn("by counting pods")
        case Driver.HTTP_ROUTE:
            return Mrkdwn(f"by weights of the HTTPRoute {code(scheme.carrier)}")
        case Driver.INGRESS:
            return Mrkdwn(f"by annotations of the Ingress {code(scheme.carrier)}")


def _interval(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def _buttons(release: Release) -> list[Block]:
    scheme, course = _parts(release)
    value = f"{release.id}:{release.step}"
    plan = release.plan
    details = button("Details", "release.details", value)
    if release.phase.is_over:
        return [details]
    if release.phase is ReleasePhase.AWAITING_APPROVAL:
        return [
            button("Approve", "release.approve", value, style="primary"),
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
    everybody = Mrkdwn(
        f"{bold(plan.target.service)} in {bold(plan.target.environment)}: {code(plan.to_version)} for all."
    )
    ask = confirm("Promote to everybody?", everybody, "Promote", "Not yet", danger=False)
    rows.append(button("Promote", "canary.promote", value, style=None if paused else "primary", confirm=ask))
    return [*rows, stop]


def reminder_note(release: Release) -> Card:
    """For the canary's thread, once: nobody has decided, and when it goes."""
    begun = release.started_at or release.requested_at
    plan, course = release.plan, _parts(release)[1]
    head = Mrkdwn(
        f"⏰ {person(release.requested_by)} the canary of {bold(plan.target.service)} {code(plan.to_version)} in "
        f"{bold(plan.target.environment)} still waits for a decision, at {_got(course)}.\n"
        f"It is taken down on {day_and_time(begun + VALID)}. *Next:* promote or abort it with the buttons above."
    )
    return Card(head, (section(head),))


def leftover_card(environment: str, namespace: str, name: str, goes_at: datetime) -> Card:
    """What looks like a canary of ours, and no release is known that made it."""
    head = Mrkdwn(
        f"⚠️ {bold(environment)} has a canary that no release stands for: Deployment {code(name)} in the namespace "
        f"{code(namespace)}."
    )
    words = Mrkdwn(
        "My database may have been replaced while it ran, or another Kajitori works there. It gets requests as before; "
        f"nobody judges it.\n*Next:* nothing, if another Kajitori made it. Else it is removed on "
        f"{day_and_time(goes_at)}; to have it gone before, remove it from its HTTPRoute if it stands in one, then run "
        f"{code(f'kubectl -n {namespace} delete deployment {name}')}."
    )
    return Card(head, (section(head), section(words)))


def offer_card(plan: Plan, setting: CanarySetting, reachable: PodShare | None, value: str) -> Card:
    """What a canary would really get, before anything is done, with the button that begins it all the same."""
    assert plan.canary is not None
    asked = plan.canary.steps[0]
    target = plan.target
    first = Mrkdwn(
        f"Canary of {bold(target.service)} {code(plan.to_version)} in {bold(target.environment)}: {asked} % asked"
    )
    lines = [first]
    if reachable is not None:
        others = stable_pods_for(asked)
        lines.append(
            Mrkdwn(
                f"With pods alone you get {reachable.canary} of {reachable.total} = {_percent(reachable.percent)}. "
                f"{others} stable pods, or an HTTPRoute, give {asked} %."
            )
        )
    lines += [Mrkdwn(f"⚠️ {esc(warning)}") for warning in setting.warnings]
    lines.append(Mrkdwn("Nothing was started."))
    got = _percent(reachable.percent) if reachable is not None else f"{asked} %"
    row = actions(f"canary-offer:{target}", [button(f"Begin with {got}", "canary.begin", value, style="primary")])
    text = Mrkdwn(first.replace("*", "").replace("`", "") + (f", {got} reachable" if reachable is not None else ""))
    return Card(text, (section(Mrkdwn("\n".join(lines))), *row))
