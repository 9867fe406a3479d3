"""Objects of a cluster as people mean them: without what the API server and its controllers write into them.

Pure; called by bot.kube.objects with what a cluster holds, and with what it would hold after an apply.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SERVICE_LABEL = "kajitori/service"
"""Label of every object that is applied for a service: what has it and left the overlay was ours."""
_WRITTEN_BY_THE_SERVER = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_NOISE = (
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubernetes.io/change-cause",
)
_OURS = "kajitori/"

Json = dict[str, Any]


def cleaned(live: Mapping[str, Any]) -> Json:
    """Without status, without the server's part of the metadata, and without our own marks."""
    kept = {key: value for key, value in live.items() if key != "status"}
    metadata = kept.get("metadata")
    kept["metadata"] = {
        key: value
        for key, value in (metadata if isinstance(metadata, dict) else {}).items()
        if key not in _WRITTEN_BY_THE_SERVER
    }
    for name in ("annotations", "labels"):
        words = kept["metadata"].get(name)
        if isinstance(words, dict):
            left = {key: value for key, value in words.items() if key not in _NOISE and not key.startswith(_OURS)}
            kept["metadata"].pop(name)
            if left:
                kept["metadata"][name] = left
    return kept


def fingerprint(live: Mapping[str, Any] | None) -> str:
    """Of an object as people mean it, sha256 in hex; empty for none. Counters of the server do not change it.

    The number of replicas is left out: autoscalers and people with kubectl move it, and no plan depends on it.
    """
    if live is None:
        return ""
    meant = cleaned(live)
    spec = meant.get("spec")
    if isinstance(spec, dict):
        meant["spec"] = {key: value for key, value in spec.items() if key != "replicas"}
    return hashlib.sha256(json.dumps(meant, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def for_service(manifest: Mapping[str, Any], service: str, annotations: Mapping[str, str] | None = None) -> Json:
    """A manifest as it is applied: with the label of its service, and marks of the release."""
    metadata = dict(manifest.get("metadata") or {})
    metadata["labels"] = dict(metadata.get("labels") or {}) | {SERVICE_LABEL: service}
    if annotations:
        metadata["annotations"] = dict(metadata.get("annotations") or {}) | dict(annotations)
    return dict(manifest) | {"metadata": metadata}


def with_replicas_of(manifest: Mapping[str, Any], live: Mapping[str, Any] | None, *, scaled: bool) -> Json:
    """The manifest of a workload that an autoscaler scales: with the replicas that it has now, never the overlay's.

    To name none would give the field up, and the server would put its default of one pod in its place.
    """
    if not scaled or live is None:
        return dict(manifest)
    spec, had = manifest.get("spec"), live.get("spec")
    if not isinstance(spec, dict) or not isinstance(had, dict) or "replicas" not in had:
        return dict(manifest)
    return dict(manifest) | {"spec": spec | {"replicas": had["replicas"]}}
