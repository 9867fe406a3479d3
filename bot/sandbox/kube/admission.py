"""What admission plugins and allocators add to a new object. Called by the registry; mutates a draft."""

import random

from bot.sandbox.kube.kinds import PODS, SERVICES, Obj, Resource

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # of generated names: no vowels, nothing that reads as another letter


def admit(resource: Resource, obj: Obj, chance: random.Random) -> None:
    """Mount tokens and class pods, give Kubernetes Services an address."""
    if resource is PODS:
        _mount_token(obj["spec"], "".join(chance.choices(ALPHABET, k=5)))
        obj["status"]["qosClass"] = _qos(obj["spec"])
    elif resource is SERVICES and obj["spec"].get("type") != "ExternalName":
        free = f"10.96.{chance.randrange(256)}.{chance.randrange(1, 255)}"
        address = obj["spec"].setdefault("clusterIP", free)
        obj["spec"].setdefault("clusterIPs", [address])


def _mount_token(spec: Obj, suffix: str) -> None:
    if spec.get("automountServiceAccountToken") is False:
        return
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    if any(m.get("mountPath") == path for c in spec.get("containers") or [] for m in c.get("volumeMounts") or []):
        return
    name = f"kube-api-access-{suffix}"
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [
            {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
        ]}},
    ]  # fmt: skip
    spec.setdefault("volumes", []).append({"name": name, "projected": {"sources": sources, "defaultMode": 420}})
    for container in spec.get("containers") or []:
        container.setdefault("volumeMounts", []).append({"name": name, "readOnly": True, "mountPath": path})


def _qos(spec: Obj) -> str:
    resources = [container.get("resources") or {} for container in spec.get("containers") or []]
    if all(not r.get("requests") and not r.get("limits") for r in resources):
        return "BestEffort"
    if all(r.get("limits") and r.get("limits") == r.get("requests") and len(r["limits"]) >= 2 for r in resources):
        return "Guaranteed"
    return "Burstable"
