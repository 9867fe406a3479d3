"""The offer: what a canary would really get, before anything is done."""

from collections.abc import Sequence

from bot.cards.canary.words import parts, percent
from bot.cards.card import Block, Card, actions, button, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, code, esc
from bot.domain.canary.scheme import Driver
from bot.domain.canary.setting import CanarySetting
from bot.domain.canary.shares import PodShare, stable_pods_for
from bot.domain.release import Plan, Release


def offer_card(plan: Plan, setting: CanarySetting, reachable: Sequence[PodShare], value: str) -> Card:
    """What a canary would really get, before anything is done, with the button that begins it all the same.

    `reachable` has the share of each step in pods; empty where every whole per cent can be had.
    """
    assert plan.canary is not None
    steps, target = plan.canary.steps, plan.target
    first = Mrkdwn(
        f"🐤 Canary of {bold(target.service)} {code(plan.to_version)} in {bold(target.environment)}: {steps[0]} % asked"
    )
    lines = [Mrkdwn(f"{first}. Nothing was started yet.")]
    if reachable:
        lines.append(_by_pods(plan.canary.driver, steps[0], reachable[0]))
    if len(reachable) > 1:
        told = ", ".join(_step(step, share) for step, share in zip(steps, reachable, strict=False))
        lines.append(Mrkdwn(f"Its steps: {told}."))
    lines += [Mrkdwn(f"⚠️ {esc(warning)}") for warning in setting.warnings]
    lines.append(Mrkdwn("*Next:* begin it with what it gets, ask for another share, or leave it."))
    got = percent(reachable[0].percent) if reachable else f"{steps[0]} %"
    row = actions(f"canary-offer:{target}", [button(f"Begin with {got}", "canary.begin", value, style="primary")])
    blocks: list[Block] = [section(Mrkdwn("\n".join(lines)))]
    if setting.remarks:
        blocks.append(context(*(esc(remark) for remark in setting.remarks)))
    text = Mrkdwn(first.replace("*", "").replace("`", "") + (f", {got} reachable" if reachable else ""))
    return Card(text, (*blocks, *row))


def move_card(release: Release, asked: int, reachable: PodShare) -> Card:
    """What another share would really be, for a canary that runs; the button gives it that one."""
    plan, course = release.plan, parts(release)[1]
    first = Mrkdwn(
        f"🐤 Canary of {bold(plan.target.service)} {code(plan.to_version)} in {bold(plan.target.environment)}: "
        f"{asked} % asked"
    )
    got_ = percent(reachable.percent)
    lines = [Mrkdwn(f"{first}. Nothing was changed yet."), _by_pods(parts(release)[0].driver, asked, reachable)]
    has_it = course.achieved is not None and abs(course.achieved - reachable.percent) < 0.05
    text = Mrkdwn(first.replace("*", "").replace("`", "") + f", {got_} reachable")
    if has_it:
        lines.append(Mrkdwn("That is what it has now."))
        return Card(text, (section(Mrkdwn("\n".join(lines))),))
    lines.append(Mrkdwn("*Next:* give it that share, ask for another one, or leave it as it is."))
    go = button(f"Go to {got_}", "canary.move", f"{release.id}:{release.step} {asked}", style="primary")
    return Card(text, (section(Mrkdwn("\n".join(lines))), *actions(f"canary-move:{release.id}:{asked}", [go])))


def _step(asked: int, reachable: PodShare) -> str:
    """`25 %`, or `10 % (becomes 25 %)` where pods can't give it."""
    become = percent(reachable.percent)
    return f"{asked} %" if become == f"{asked} %" else f"{asked} % (becomes {become})"


def _by_pods(driver: Driver, asked: int, reachable: PodShare) -> Mrkdwn:
    got_ = f"{reachable.canary} of {reachable.total} = {percent(reachable.percent)}"
    if driver is Driver.ROLLOUT:
        return Mrkdwn(
            f"The Rollout counts pods: you get {got_}. A traffic router in it (trafficRouting) gives {asked} %."
        )
    return Mrkdwn(
        f"With pods alone you get {got_}. {stable_pods_for(asked)} stable pods, or an HTTPRoute, give {asked} %."
    )
