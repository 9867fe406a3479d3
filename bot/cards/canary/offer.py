"""The offer: what a canary would really get, before anything is done."""

from bot.cards.canary.words import percent
from bot.cards.card import Card, actions, button, section
from bot.cards.mrkdwn import Mrkdwn, bold, code, esc
from bot.domain.canary.setting import CanarySetting
from bot.domain.canary.shares import PodShare, stable_pods_for
from bot.domain.release import Plan


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
                f"With pods alone you get {reachable.canary} of {reachable.total} = {percent(reachable.percent)}. "
                f"{others} stable pods, or an HTTPRoute, give {asked} %."
            )
        )
    lines += [Mrkdwn(f"⚠️ {esc(warning)}") for warning in setting.warnings]
    lines.append(Mrkdwn("Nothing was started."))
    got = percent(reachable.percent) if reachable is not None else f"{asked} %"
    row = actions(f"canary-offer:{target}", [button(f"Begin with {got}", "canary.begin", value, style="primary")])
    text = Mrkdwn(first.replace("*", "").replace("`", "") + (f", {got} reachable" if reachable is not None else ""))
    return Card(text, (section(Mrkdwn("\n".join(lines))), *row))
