"""A Rollout of Argo Rollouts in place of the Deployment admin of stg, for tests that play through the chat."""

import copy

from bot.sandbox.kube.kinds import DEPLOYMENTS, ROLLOUTS
from tests.chat import DEADLINE_S, Chat, Json


def as_rollout(configuration: str) -> str:
    """admin is a Rollout, and only people move its canaries."""
    return configuration.replace("deployment/admin", "rollout/admin").replace("interval: 30s", "interval: 1h")


async def install(chat: Chat, steps: list[Json] | None = None) -> None:
    """The Rollout in place of the Deployment, with four pods of the same version that all serve."""
    cluster = chat.sandbox.clusters["stg"]
    former = cluster.store.get(DEPLOYMENTS, "admin", "admin")
    assert former is not None
    spec = {key: copy.deepcopy(former["spec"][key]) for key in ("selector", "template")}
    strategy = {"canary": {"steps": steps} if steps else {}}
    await chat.kubectl_delete("stg", "admin", "deployments", "admin")
    make(chat, "stg", {**spec, "replicas": 4, "strategy": strategy})
    await chat.until(
        lambda: rollout(chat) if rollout(chat).get("status", {}).get("phase") == "Healthy" else None,
        DEADLINE_S,
        lambda: f"the Rollout: {rollout(chat).get('status')}",
    )


def make(chat: Chat, environment: str, spec: Json) -> None:
    """Create a Rollout admin."""
    meta = {"name": "admin", "namespace": "admin"}
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": meta, "spec": spec}
    chat.sandbox.clusters[environment].create(body)


def rollout(chat: Chat) -> Json:
    found = chat.sandbox.clusters["stg"].store.get(ROLLOUTS, "admin", "admin")
    assert found is not None
    return found


def stands(chat: Chat) -> tuple[str, list[Json], bool]:
    """Version and steps of the Rollout, and whether a canary's mark is on it."""
    found = rollout(chat)
    image = str(found["spec"]["template"]["spec"]["containers"][0]["image"])
    marks = found["metadata"].get("annotations") or {}
    return (
        image.rpartition(":")[2],
        found["spec"]["strategy"]["canary"].get("steps") or [],
        "kajitori/before-canary" in marks,
    )
