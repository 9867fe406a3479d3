"""Pods that find no place: what the scheduler, quotas, admission and volumes say, made plain."""

import re

from bot.domain.troubles.sights import Sight, short

_NODES = re.compile(r"0/(?P<total>\d+) nodes are available:?\s*(?P<reasons>.*)", re.DOTALL)
_REASON = re.compile(r"(?P<count>\d+) (?P<words>.+)", re.DOTALL)
_TAINT = re.compile(r"taints?\(?s?\)?:? \{(?P<key>[^:}]*)")
_QUOTA = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>.+?), used: (?P<used>.+?), "
    r"limited: (?P<limited>[^\n]+)"
)
_MUST = re.compile(r"failed quota: (?P<quota>[^:]+): must specify (?P<fields>[^\n]+)")
_WEBHOOK = re.compile(r"admission webhook \"(?P<name>[^\"]+)\" denied the request: ?(?P<words>[^\n]*)")
_CLAIM = re.compile(r"persistentvolumeclaim \"(?P<name>[^\"]+)\" not found")
_MOUNTED = re.compile(r"(?P<kind>configmap|secret)s? \"(?P<name>[^\"]+)\" not found", re.IGNORECASE)
_RESOURCES = {"cpu": "CPU", "memory": "memory", "ephemeral-storage": "disk space", "pods": "room for pods"}

_CAPACITY = "Lower resources.requests or replicas, or ask those who run the cluster for more nodes."
_RULES = "Check nodeSelector, affinity and tolerations of the manifest against the cluster's nodes."
_NODES_AWAY = "Those who run the cluster must bring the nodes back."
_VOLUME = "Check the PersistentVolumeClaim: that it exists, is bound, and lies in a zone that has nodes."


def placement_trouble(words: str) -> Sight:
    """`words`: the scheduler's message, e.g. "0/3 nodes are available: 3 Insufficient cpu. preemption: …"."""
    match = _NODES.search(words)
    if match is None:
        if "no nodes available" in words:
            return Sight("unschedulable", "The cluster has no node to run the pod on.", _NODES_AWAY)
        plain, remedy = _node_reason(words)
        return Sight("unschedulable", f"The pod finds no node: {plain}.", remedy)
    total = int(match["total"])
    reasons = re.split(r"[.,]?\s*preemption:", match["reasons"])[0].strip(" .\n")
    looked = f"{total} {'node' if total == 1 else 'nodes'} looked at"
    told: list[tuple[int, str, str]] = []
    for part in re.split(r", (?=\d+ )", reasons):
        counted = _REASON.fullmatch(part)
        plain, remedy = _node_reason(counted["words"] if counted else part)
        told.append((int(counted["count"]) if counted else total, plain, remedy))
    if len(told) == 1:
        return Sight("unschedulable", f"{_sentence(told[0][1])} ({looked}).", told[0][2])
    told.sort(key=lambda reason: -reason[0])
    listed = "; ".join(f"{count}: {plain}" for count, plain, _ in told)
    return Sight("unschedulable", f"No node takes the pod ({looked}): {listed}.", told[0][2], cause=listed)


def _sentence(plain: str) -> str:
    return plain[:1].upper() + plain[1:]


def _node_reason(words: str) -> tuple[str, str]:
    """One of the scheduler's reasons in plain words, and the remedy."""
    if match := re.search(r"Insufficient (\S+)", words):
        resource = match[1].rstrip(".,")
        return f"no node has enough free {_RESOURCES.get(resource, resource)}", _CAPACITY
    if "Too many pods" in words:
        return "every node runs as many pods as it may", _CAPACITY
    if match := _TAINT.search(words):
        return _taint(match["key"].strip())
    if claim := _CLAIM.search(words):
        return f"the PersistentVolumeClaim {claim['name']} does not exist", _VOLUME
    for fragment, plain, remedy in _FRAGMENTS:
        if fragment in words:
            return plain, remedy
    return short(words), _RULES


def _taint(key: str) -> tuple[str, str]:
    match key:
        case "node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable":
            return "nodes are not ready", _NODES_AWAY
        case "node.kubernetes.io/unschedulable":
            return "nodes are cordoned (closed for new pods)", _NODES_AWAY
        case (
            "node.kubernetes.io/memory-pressure"
            | "node.kubernetes.io/disk-pressure"
            | "node.kubernetes.io/pid-pressure"
        ):
            return f"nodes are short of {key.removeprefix('node.kubernetes.io/').split('-')[0]}", _CAPACITY
        case _:
            return f"nodes are reserved by the taint {key}, which the pod does not tolerate", _RULES


_FRAGMENTS = (
    ("were unschedulable", "nodes are cordoned (closed for new pods)", _NODES_AWAY),
    ("anti-affinity", "nodes already run a pod that it must not share a node with (anti-affinity)", _RULES),
    ("pod affinity", "no node runs the pod that it must be near (pod affinity)", _RULES),
    ("topology spread", "nodes would break its topologySpreadConstraints", _RULES),
    ("volume node affinity", "its volume lies where no suitable node is", _VOLUME),
    ("unbound immediate PersistentVolumeClaims", "its PersistentVolumeClaim is not bound to a volume", _VOLUME),
    ("max volume count", "nodes can't attach more volumes", _VOLUME),
    ("node affinity/selector", "no node has the labels that it asks for (nodeSelector or affinity)", _RULES),
    ("node selector", "no node has the labels that it asks for (nodeSelector)", _RULES),
    ("free ports", "the host port that it wants is taken on the nodes", _RULES),
)


def creation_trouble(words: str) -> Sight:
    """Why the controller could not even create pods: a FailedCreate message."""
    if match := _QUOTA.search(words):
        remedy = (
            "Free some of it or have the quota raised; a rollout needs room for one pod more than usual (maxSurge)."
        )
        text = (
            f"The namespace's quota {match['quota']} is used up: {match['requested']} wanted, {match['used']} used, "
            f"{match['limited'].strip()} allowed."
        )
        return Sight("quota", text, remedy, cause=match["quota"])
    if match := _MUST.search(words):
        return Sight(
            "quota",
            f"The namespace's quota {match['quota'].strip()} demands that pods set {match['fields'].strip()}.",
            "Set resources.requests and resources.limits of the container.",
        )
    if match := _WEBHOOK.search(words):
        return Sight(
            "admission",
            f"A rule of the cluster ({match['name']}) refuses the pod: {short(match['words']) or 'without a reason'}.",
            "Change the manifest as the rule asks, or talk to those who run the cluster.",
        )
    if "PodSecurity" in words or "podsecurity" in words:
        detail = words[words.lower().find("podsecurity") :]
        return Sight(
            "admission",
            f"The namespace's security level refuses the pod: {short(detail)}.",
            "Set the securityContext that it asks for.",
        )
    if match := re.search(r"serviceaccount \"([^\"]+)\" not found", words):
        return Sight(
            "config_error",
            f"The service account {match[1]} does not exist in this namespace.",
            "Create it in this environment, or mend serviceAccountName in the manifest.",
        )
    detail = words.split("Error creating: ", 1)[-1]
    return Sight("admission", f"The pod could not be created: {short(detail)}.", "Mend what it names.")


def volume_trouble(words: str) -> Sight:
    """A FailedMount or FailedAttachVolume message."""
    if match := _MOUNTED.search(words):
        kind = "ConfigMap" if match["kind"].lower() == "configmap" else "Secret"
        return Sight(
            "config_error",
            f"The {kind} {match['name']}, which the pod mounts, does not exist in this namespace.",
            f"Create the {kind} in this environment, or mend its name in the manifest.",
        )
    if "Multi-Attach" in words:
        return Sight(
            "volume",
            "The volume is still attached to another node, and can be used from one node only.",
            "Wait until the old pod is gone, or use strategy Recreate for a workload with such a volume.",
        )
    return Sight("volume", f"A volume can't be mounted: {short(words)}.", _VOLUME, cause="mount")
