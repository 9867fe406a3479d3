"""Arithmetic of autoscaling: a wished size from a ratio, stabilised over time, held by policies and bounds. Pure."""

import math
from collections import deque
from dataclasses import dataclass, field

from bot.sandbox.kube.kinds import Obj

TOLERANCE = 0.1  # a ratio this near to 1 changes nothing
_SLOW_DOWN_S, _FAST_UP_S = 300, 0
_UP: Obj = {
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_DOWN: Obj = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}
Condition = tuple[str, str, str]  # status, reason, message

WITHIN: Condition = ("False", "DesiredWithinRange", "the desired count is within the acceptable range")
TOO_MANY: Condition = (
    "True", "TooManyReplicas", "the desired replica count is more than the maximum replica count",
)  # fmt: skip
TOO_FEW: Condition = (
    "True", "TooFewReplicas", "the desired replica count is less than the minimum replica count",
)  # fmt: skip
READY: Condition = ("True", "ReadyForNewScale", "recommended size matches current size")


@dataclass(slots=True)
class History:
    """What one autoscaler wished and did lately; times are in seconds of a steady clock."""

    wishes: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=2000))
    changes: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=200))

    def changed_since(self, moment_s: float, up: bool) -> int:
        """Pods added (or taken) since then."""
        return sum(abs(delta) for at, delta in self.changes if at > moment_s and (delta > 0) == up)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far and how fast an autoscaler may go."""

    least: int
    most: int
    behavior: Obj
    haste: float  # real seconds of windows and periods are divided by this


def wished(current: int, ready: int, unready: int, ratio: float, tolerance: float = TOLERANCE) -> int:
    """Replicas for a ratio of use to target over the ready pods; unready ones count as unused when growing."""
    if abs(ratio - 1) <= tolerance:
        return current
    if ratio > 1 and unready:
        ratio = ratio * ready / (ready + unready)
        return math.ceil(round(ratio * (ready + unready), 6)) if ratio > 1 + tolerance else current
    return math.ceil(round(ratio * ready, 6))


def settle(current: int, wish: int, now_s: float, history: History, bounds: Bounds) -> tuple[int, Condition, Condition]:
    """The size to take, and the conditions AbleToScale and ScalingLimited."""
    if not history.wishes:
        history.wishes.append((now_s, current))  # a new autoscaler does not shrink at once
    history.wishes.append((now_s, wish))
    stable = _stabilised(current, now_s, history, bounds)
    able = READY
    if stable != wish:
        down = stable > wish
        able = (
            "True", "ScaleDownStabilized" if down else "ScaleUpStabilized",
            f"recent recommendations were {'higher' if down else 'lower'} than current one, applying the "
            f"{'highest' if down else 'lowest'} recent recommendation",
        )  # fmt: skip
    if stable > current:
        limit = max(current, _limit(current, now_s, history, bounds, up=True))
        if min(stable, bounds.most) > limit:
            told = "the desired replica count is increasing faster than the maximum scale rate"
            return limit, able, ("True", "ScaleUpLimit", told)
    elif stable < current:
        limit = min(current, _limit(current, now_s, history, bounds, up=False))
        if max(stable, bounds.least) < limit:
            told = "the desired replica count is decreasing faster than the maximum scale rate"
            return limit, able, ("True", "ScaleDownLimit", told)
    if stable > bounds.most:
        return bounds.most, able, TOO_MANY
    if stable < bounds.least:
        return bounds.least, able, TOO_FEW
    return stable, able, WITHIN


def _stabilised(current: int, now_s: float, history: History, bounds: Bounds) -> int:
    """The present size, moved no further than what was wished all through the windows."""
    down = bounds.behavior.get("scaleDown") or {}
    up = bounds.behavior.get("scaleUp") or {}
    slow_s: float = down.get("stabilizationWindowSeconds", _SLOW_DOWN_S) / bounds.haste
    fast_s: float = up.get("stabilizationWindowSeconds", _FAST_UP_S) / bounds.haste
    wish = history.wishes[-1][1]
    highest = max((size for at, size in history.wishes if at > now_s - slow_s), default=wish)
    lowest = min((size for at, size in history.wishes if at > now_s - fast_s), default=wish)
    return min(max(current, lowest), highest)


def _limit(current: int, now_s: float, history: History, bounds: Bounds, *, up: bool) -> int:
    """The furthest size that policies allow now."""
    given = bounds.behavior.get("scaleUp" if up else "scaleDown") or {}
    rules = {**(_UP if up else _DOWN), **{k: v for k, v in given.items() if v is not None}}
    if rules["selectPolicy"] == "Disabled":
        return current
    reach: list[int] = []
    for policy in rules["policies"]:
        changed = history.changed_since(now_s - policy["periodSeconds"] / bounds.haste, up)
        start = current - changed if up else current + changed
        share = policy["value"] / 100
        if policy["type"] == "Pods":
            reach.append(start + policy["value"] if up else start - policy["value"])
        else:
            reach.append(math.ceil(start * (1 + share)) if up else math.floor(start * (1 - share)))
    furthest = (rules["selectPolicy"] == "Max") == up
    return max(0, max(reach) if furthest else min(reach))
