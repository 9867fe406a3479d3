"""Raw JSON of Argo's Rollouts made into ArgoState, and what Argo adds to the pods of a ReplicaSet taken off again.

Called by parsing. Fields: pkg/apis/rollouts/v1alpha1/types.go of argoproj/argo-rollouts. Never raises.
"""

from typing import Any

import orjson

from bot.domain.rollout import ArgoState
from bot.kube.workloads.raw import Json, at, number, objects, strings, text

EPHEMERAL = "rollout.argoproj.io/ephemeral-metadata"
"""Annotation of a ReplicaSet: labels and annotations that its pods have only while they are canary, or stable."""
WHOLE = 100


def state_of(spec: Json, status: Json) -> ArgoState:
    """A Rollout's strategy and how far it is."""
    strategy = at(spec, "strategy")
    canary = at(strategy, "canary")
    steps = list(objects(canary.get("steps")))
    index = status.get("currentStepIndex")
    step_index = number(index) if index is not None else None
    weights = at(status, "canary", "weights")
    aborted, promotes_fully = status.get("abort") is True, status.get("promoteFull") is True
    stable, current = text(status.get("stableRS")), text(status.get("currentPodHash"))
    pauses = tuple(text(each.get("reason")) for each in objects(status.get("pauseConditions")))
    given = at(spec, "workloadRef")
    is_through = promotes_fully or (stable == current and current != "")
    return ArgoState(
        phase=text(status.get("phase")),
        message=text(status.get("message")),
        strategy="canary" if "canary" in strategy else "blueGreen" if "blueGreen" in strategy else "",
        steps=tuple(_words(step) for step in steps),
        written_steps=orjson.dumps(canary["steps"]).decode() if canary.get("steps") else "",
        step_index=step_index,
        weight=WHOLE if is_through else 0 if aborted else weight_at(steps, step_index or 0),
        routed_weight=number(at(weights, "canary").get("weight")) if weights else None,
        has_router=bool(at(canary, "trafficRouting")),
        whole=number(at(canary, "trafficRouting").get("maxTrafficWeight")) or WHOLE,
        surges=canary.get("maxSurge") not in (0, "0", "0%"),
        stable_hash=stable,
        current_hash=current,
        pauses=pauses,
        is_resuming=status.get("controllerPause") is True and not pauses,
        aborted=aborted,
        promotes_fully=promotes_fully,
        template_of=f"{text(given.get('kind')).lower()}/{text(given.get('name'))}" if given else "",
    )


def weight_at(steps: list[Json], index: int) -> int:
    """The share that the steps ask for at `index`: that of the last setWeight up to it; everything beyond the last."""
    if index >= len(steps):
        return WHOLE
    return next((number(step["setWeight"]) for step in reversed(steps[: index + 1]) if "setWeight" in step), 0)


def ephemeral(template: Json, annotations: dict[str, str]) -> Json:
    """A ReplicaSet's pod template without what Argo put in only for the time of an update."""
    try:
        told = orjson.loads(annotations.get(EPHEMERAL, "{}"))
    except orjson.JSONDecodeError:
        told = {}
    gone = {part: strings(at(told).get(part)) for part in ("labels", "annotations")}
    if not any(gone.values()):
        return template
    metadata: dict[str, Any] = dict(at(template, "metadata"))
    for part, names in gone.items():
        if part in metadata:
            metadata[part] = {key: value for key, value in strings(metadata[part]).items() if key not in names}
    return {**template, "metadata": metadata}


def _words(step: Json) -> str:
    """A step as people say it: `setWeight 20`, `pause 10m`."""
    if "setWeight" in step:
        return f"setWeight {number(step['setWeight'])}"
    if "pause" in step:
        lasts = at(step, "pause").get("duration")
        return "pause" if lasts in (None, "") else f"pause {lasts}" + ("s" if str(lasts).isdigit() else "")
    return next(iter(step), "step")
