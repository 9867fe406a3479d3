"""Offers: what a canary would do, told before anything is done; and the plan that is asked for then."""

from dataclasses import dataclass, replace
from datetime import timedelta

from bot.context import Context
from bot.domain.canary.asking import Act, Asked, understand
from bot.domain.canary.scheme import CanaryScheme, Driver
from bot.domain.canary.setting import CanarySetting, share_of
from bot.domain.canary.shares import PodShare, is_telling
from bot.domain.catalog import CanaryPlan, Target
from bot.domain.release import Plan, Release, ReleaseKind
from bot.errors import UserError
from bot.kube import canaries
from bot.usecases.planning import plan_deploy, read_workload

DEFAULT_INTERVAL = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a canary would do, before it does anything."""

    plan: Plan
    setting: CanarySetting
    reachable: tuple[PodShare, ...]
    """Of each step, where shares come in pods; empty where every per cent can be had."""

    @property
    def asks_first(self) -> bool:
        """Whether people should see it and say yes: there is something to know, or some step gets a share that is far
        from what was asked for."""
        steps = self.plan.canary.steps if self.plan.canary is not None else ()
        far = any(is_telling(step, share.percent) for step, share in zip(steps, self.reachable, strict=False))
        return far or bool(self.setting.warnings)


async def offer(ctx: Context, target: Target, asked: Asked) -> Offer:
    """What `/canary` would do at a target without one. Raises UserError when it should not be done."""
    service = ctx.catalog.services[target.service]
    plan = await plan_deploy(ctx, target, asked.version)
    if plan.kind is not ReleaseKind.DEPLOY:
        raise UserError(
            "nothing_to_compare",
            f"`{target.service}` `{plan.to_version}` is what `{target.environment}` has now; a canary tries another.",
            hint=f"/canary {target.environment} {target.service} VERSION {asked.steps[0]}%",
        )
    chosen = service.canary
    stable = await read_workload(ctx, target)
    wanted = Driver(chosen.driver) if chosen is not None and chosen.driver else None
    setting = await canaries.detect(ctx.clusters[target.environment], stable, wanted)
    if setting.obstacles:
        raise UserError(
            "no_canary",
            f"`{target}` can't have a canary: {setting.obstacles[0]}",
            hint=f"Release it to all at once: /deploy {target.environment} {target.service} {plan.to_version}",
        )
    scheme = _scheme(asked, chosen, setting)
    plan = replace(plan, kind=ReleaseKind.CANARY, canary=scheme)
    found = (share_of(setting.driver, stable, step) for step in scheme.steps)
    shares = tuple(share for share in found if share is not None)
    for step, share in zip(scheme.steps, shares, strict=False):
        _refuse_empty(target, step, share)
    return Offer(plan, setting, shares)


def _refuse_empty(target: Target, step: int, share: PodShare) -> None:
    """A Rollout that may not surge comes out with no pod of one version for some weights."""
    if share.canary == 0 or share.stable == 0:
        none = "new" if share.canary == 0 else "old"
        pods = "1 pod" if share.total == 1 else f"{share.total} pods"
        raise UserError(
            "no_such_share",
            f"`{target}` can't have {step} %: its Rollout of {pods} may have no more meanwhile (maxSurge 0), and would "
            f"keep none of the {none} version.",
            hint="Ask for another share, or allow the Rollout a maxSurge of 1.",
        )


async def far_share(ctx: Context, canary: Release, percent: int) -> PodShare | None:
    """What a running canary would get of a share that is asked for by hand, when that is far from it; else None."""
    scheme = canary.plan.canary
    if scheme is None or scheme.driver not in (Driver.PODS, Driver.ROLLOUT):
        return None
    share = share_of(scheme.driver, await read_workload(ctx, canary.target), percent)
    if share is None:
        return None
    _refuse_empty(canary.target, percent, share)
    return share if is_telling(percent, share.percent) else None


def _scheme(asked: Asked, chosen: CanaryPlan | None, setting: CanarySetting) -> CanaryScheme:
    """The steps of the command; a single one begins the configured ones, where there are any above it."""
    steps, planned = asked.steps, len(asked.steps) > 1
    if not planned and chosen is not None:
        steps = (*steps, *(step for step in chosen.steps if step > steps[0]))
        planned = len(steps) > 1
    interval = asked.every or (chosen.interval if chosen is not None else DEFAULT_INTERVAL)
    return CanaryScheme(
        driver=setting.driver,
        steps=steps,
        interval_s=interval.total_seconds(),
        promotes=planned,
        carrier=setting.carrier,
        kubernetes_service=setting.kubernetes_service,
        aborts_when_worse=chosen is not None and chosen.aborts_when_worse,
    )


def offer_value(offer: Offer) -> str:
    """What the button of an offer carries: everything to plan it again, and nothing that is taken on trust."""
    scheme = offer.plan.canary
    assert scheme is not None
    target, steps = offer.plan.target, " ".join(f"{step}%" for step in scheme.steps)
    return f"{target.environment} {target.service} {offer.plan.to_version} {steps} every {round(scheme.interval_s)}s"


def read_offer(ctx: Context, value: str) -> tuple[Target, Asked]:
    """The opposite of `offer_value`. Raises UserError for a value that we never wrote."""
    asked = understand(value.split(), ctx.catalog)
    if asked.environment is None or asked.service is None or asked.act is not Act.SHARE:
        raise UserError("bad_button", "I don't know what this button means.", hint="Use the command instead.")
    return Target(asked.environment, asked.service), asked
