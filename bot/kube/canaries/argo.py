"""The driver `rollout`: the steps of a Rollout of Argo Rollouts, for the time of a canary those that it wants.

A Rollout gives only the shares of its own `setWeight` steps, and has no field for another. So the canary writes its
own, `setWeight` and a `pause` without end, and keeps the Rollout's in an annotation; they are put back at its end.
Promotion is `promoteFull`, abort is `abort`, both in the status, as the kubectl plugin of Argo Rollouts writes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bot.domain.canary.scheme import CanaryCourse
from bot.domain.release import Release
from bot.domain.rollout import ArgoState, Workload
from bot.kube.canaries import twin
from bot.kube.canaries.view import Reading, View, Write, ready_endpoints
from bot.kube.clients import Cluster
from bot.kube.workloads import paths, versions
from bot.kube.workloads.parsing import at
from bot.kube.workloads.raw import Json, text
from bot.kube.workloads.versions import Change
from bot.kube.workloads.writes import conditional, patch_status, set_image

KEPT = "kajitori/before-canary"
"""Annotation: what the canary changed and its end puts back, as JSON: `steps` (null: it had none) and `changes`."""
STEPS = "/spec/strategy/canary/steps"
PAUSE_STEP = "CanaryPauseStep"
SET_WEIGHT = "setWeight "


@dataclass(frozen=True, slots=True)
class _Stand:
    """A Rollout as a canary sees it."""

    release: Release
    rollout: Workload
    argo: ArgoState

    @property
    def is_marked(self) -> bool:
        """A canary has written its steps."""
        return KEPT in self.rollout.annotations

    @property
    def is_mine(self) -> bool:
        return self.is_marked and twin.is_ours(self.rollout, self.release)

    @property
    def image(self) -> str:
        return self.rollout.images.get(self.release.plan.container, "")

    @property
    def has_new(self) -> bool:
        return self.image == self.release.plan.to_image

    @property
    def is_observed(self) -> bool:
        """Its status is about the present spec."""
        return self.rollout.observed_generation >= self.rollout.generation

    @property
    def took_over(self) -> bool:
        """Everybody gets the new version."""
        return self.has_new and self.is_observed and self.argo.is_promoted

    @property
    def weight(self) -> int | None:
        return weight_of(self.argo.steps)


def weight_of(steps: tuple[str, ...]) -> int | None:
    """The share that a canary's own steps end with, per cent; None when these are not such steps."""
    *weights, last = steps or ("",)
    if last != "pause" or not 1 <= len(weights) <= 2 or not all(step.startswith(SET_WEIGHT) for step in weights):
        return None
    return int(weights[-1].removeprefix(SET_WEIGHT))


def steps_to(percent: int, before: int | None = None) -> list[dict[str, Any]]:
    """A canary's own steps. The share `before` stands first, for a new list begins at its first step: a traffic router
    would give the new version nothing until the pods of the next share are there."""
    weights = [percent] if before is None else [before, percent]
    return [*({"setWeight": weight} for weight in weights), {"pause": {}}]


async def read(view: View) -> Reading:
    """What is there, and the next write either way."""
    if view.twin is None:
        return Reading(None, None, is_ready=False, is_gone=True, achieved=None, pods="")
    stand = _stand(view.release, view.twin.workload)
    ready, total = await _ready(view, stand)
    argo = stand.argo
    is_there = stand.is_observed and PAUSE_STEP in argo.pauses and argo.step_index == len(argo.steps) - 1
    if argo.has_router:
        is_there = is_there and argo.routed_weight == view.asked
    is_set = stand.is_mine and stand.has_new and stand.weight == view.asked
    achieved = 100.0 * ready / total if total else None
    return Reading(
        towards=None if is_set else _towards(view, stand),
        away=_away(view, stand),
        is_ready=is_set and is_there and 0 < stand.rollout.updated <= ready,
        is_gone=_is_gone(view, stand),
        achieved=(None if argo.routed_weight is None else float(argo.routed_weight)) if argo.has_router else achieved,
        pods="" if argo.has_router else f"{ready} of {total} pods",
    )


def stranger(release: Release, rollout: Workload) -> str:
    """Who else changed the Rollout, and what, as a sentence; empty when nobody did."""
    stand, name, plan = _stand(release, rollout), rollout.ref.name, release.plan
    if stand.is_marked and not stand.is_mine:
        return f"The Rollout {name} has the steps of another canary, which this one has not made."
    if not stand.is_marked:
        return f"Somebody gave the Rollout {name} {plan.to_version} meanwhile." if stand.has_new else ""
    if stand.image == plan.from_image:
        return f"Somebody put {plan.from_version} back into the Rollout {name}."
    if stand.weight is None:
        return f"Somebody changed the steps of the Rollout {name}."
    if stand.argo.aborted:
        why = stand.argo.message.rstrip(".") or "it does not say why"
        return f"The Rollout {name} was aborted, not from here: {why}."
    if stand.took_over:
        return f"Somebody promoted the Rollout {name}, not from here."
    return ""


async def give_back(cluster: Cluster, release: Release, rollout: Workload) -> Workload:
    """Put back all that the canary changed, for a promotion that is taken back; the Rollout as the reply shows it."""
    if KEPT in rollout.annotations:
        return await _put_back(cluster, rollout, with_template=True, marks=release.marks())
    plan = release.plan
    return await set_image(
        cluster, rollout, container=plan.container, image=plan.from_image, annotations=release.marks()
    )


async def remove_leftover(cluster: Cluster, rollout: Workload) -> None:
    """Put back what a canary changed that no release stands for: the version too, unless everybody gets it."""
    argo = rollout.argo or ArgoState()
    is_through = rollout.observed_generation >= rollout.generation and argo.is_promoted
    await _put_back(cluster, rollout, with_template=not is_through)


def _stand(release: Release, rollout: Workload) -> _Stand:
    return _Stand(release, rollout, rollout.argo or ArgoState())


def _towards(view: View, stand: _Stand) -> Write | None:
    rollout, asked = stand.rollout, view.asked
    if stranger(view.release, rollout):
        return None
    if not stand.is_marked:
        return lambda: _begin(view, rollout)
    steps = [{"op": "replace", "path": STEPS, "value": steps_to(asked, stand.weight)}]
    return lambda: _write(view.cluster, rollout, steps)


def _away(view: View, stand: _Stand) -> Write | None:
    rollout, cluster = stand.rollout, view.cluster
    if not stand.is_mine:
        return None
    if not stand.has_new or stand.took_over:
        return lambda: _end(cluster, rollout, with_template=False)
    if (view.release.canary or CanaryCourse()).promotion is not None and not stand.is_observed:
        return None  # its status says in a moment whether everybody has the new version
    if stand.is_observed and not stand.argo.aborted and not stand.argo.promotes_fully:  # that one takes an abort back
        return lambda: _abort(cluster, rollout)
    return lambda: _end(cluster, rollout, with_template=True)


def _is_gone(view: View, stand: _Stand) -> bool:
    """Its own steps stand again, and no request can reach the new version, unless it is what everybody gets."""
    if stand.is_mine:
        return False
    if stand.is_marked or stand.image != view.release.plan.from_image:
        return True
    if not stand.is_observed:
        return False
    if not stand.argo.is_promoted:
        return True  # somebody else updates it: what came before goes as that comes
    if stand.argo.has_router:
        return not stand.argo.routed_weight  # its pods may stand for a while: nobody asks them
    pods = view.twin.pods if view.twin else ()
    return not any(pod.ready and not pod.deleting and pod.revision_hash != stand.argo.current_hash for pod in pods)


async def _ready(view: View, stand: _Stand) -> tuple[int, int]:
    """Ready pods of the new version, and of both, as its Kubernetes Service sees them."""
    pods = [pod for pod in (view.twin.pods if view.twin else ()) if pod.ready and not pod.deleting]
    new = stand.argo.current_hash if stand.has_new and stand.is_observed and not stand.took_over else ""
    names = {pod.name for pod in pods if new and pod.revision_hash == new}
    serving = None
    if view.kubernetes_service:
        serving = await ready_endpoints(view.cluster, view.release.plan.workload.namespace, view.kubernetes_service)
    if serving is None:
        return len(names), len(pods)
    return len(serving & names), len(serving)


async def _begin(view: View, rollout: Workload) -> None:
    """The new version and the canary's first steps in one patch: with its own steps it would begin with those."""
    plan, argo = view.release.plan, rollout.argo or ArgoState()
    changes = versions.to_image(rollout.template, plan.container, plan.to_image, everywhere=True)
    own = orjson.loads(argo.written_steps) if argo.written_steps else None
    kept = {"steps": own, "changes": [[each.path, each.old, each.new] for each in changes]}
    marks = {
        **view.release.marks(),
        KEPT: orjson.dumps(kept).decode(),
        twin.EXPIRES: twin.expiry(view.release),
    }
    steps = {"op": "add", "path": STEPS, "value": steps_to(view.asked)}
    await conditional(view.cluster, rollout, [steps, *(each.step for each in changes)], marks)


async def _abort(cluster: Cluster, rollout: Workload) -> None:
    await patch_status(cluster, rollout, {"abort": True})


async def _end(cluster: Cluster, rollout: Workload, *, with_template: bool) -> None:
    await _put_back(cluster, rollout, with_template=with_template)


async def _write(cluster: Cluster, rollout: Workload, steps: list[dict[str, Any]]) -> None:
    await conditional(cluster, rollout, steps, {})


async def _put_back(
    cluster: Cluster, rollout: Workload, *, with_template: bool, marks: Mapping[str, str] | None = None
) -> Workload:
    """Its own steps again, if the canary's still stand there; with its template where that says what we wrote."""
    kept, argo = _kept(rollout), rollout.argo or ArgoState()
    steps: list[dict[str, Any]] = []
    if weight_of(argo.steps) is not None:
        own = kept.get("steps")
        steps.append({"op": "replace", "path": STEPS, "value": own} if own else {"op": "remove", "path": STEPS})
    if with_template:
        raw = await cluster.request("GET", paths.workload(rollout.ref))
        steps += [
            {"op": "replace", "path": each.path, "value": each.old}
            for each in _changes(kept)
            if _value_at(raw, each.path) == each.new
        ]
    steps += [
        {"op": "remove", "path": f"/metadata/annotations/{versions.pointer(key)}"}
        for key in (KEPT, twin.EXPIRES)
        if key in rollout.annotations
    ]
    return await conditional(cluster, rollout, steps, marks or {})


def _kept(rollout: Workload) -> Json:
    try:
        return at(orjson.loads(rollout.annotations.get(KEPT, "{}")))
    except orjson.JSONDecodeError:
        return {}


def _changes(kept: Json) -> list[Change]:
    found = kept.get("changes")
    rows = [each for each in found if isinstance(each, list) and len(each) == 3] if isinstance(found, list) else []
    changes = [Change(*(text(part) for part in row)) for row in rows]
    return [each for each in changes if each.path.startswith("/spec/template/")]


def _value_at(raw: Json, path: str) -> object:
    """What stands at a JSON Pointer; None when nothing does."""
    value: object = raw
    for part in path.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(key)] if key.isdecimal() and int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value
