"""The objects of an overlay: which kinds may be applied, what must not stand in them, and the image they are to run.

Pure; called with what bot.manifests rendered, before anything is asked of a cluster.
"""

import copy
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bot.domain.images import BadImageReference, ImageRepository, parse_image

Object = Mapping[str, Any]
"""A Kubernetes object as JSON has it."""

MOST_OBJECTS = 500
MOST_FAULTS = 20
"""Faults told at once: who has more has one cause."""

ALLOWED_KINDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "ConfigMap": frozenset({"v1"}),
        "CronJob": frozenset({"batch/v1"}),
        "DaemonSet": frozenset({"apps/v1"}),
        "Deployment": frozenset({"apps/v1"}),
        "HTTPRoute": frozenset({"gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"}),
        "HorizontalPodAutoscaler": frozenset({"autoscaling/v1", "autoscaling/v2"}),
        "Ingress": frozenset({"networking.k8s.io/v1"}),
        "Job": frozenset({"batch/v1"}),
        "NetworkPolicy": frozenset({"networking.k8s.io/v1"}),
        "PersistentVolumeClaim": frozenset({"v1"}),
        "PodDisruptionBudget": frozenset({"policy/v1"}),
        "Service": frozenset({"v1"}),
        "ServiceAccount": frozenset({"v1"}),
        "StatefulSet": frozenset({"apps/v1"}),
    }
)
"""What may be applied, and in which API versions. Never rights, secrets, namespaces, or what extends the API server:
who may change the overlay is not thereby an administrator of the cluster."""

_SERVERS_FIELDS = (
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
)
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_POD_PATHS = (("spec",), ("spec", "template", "spec"), ("spec", "jobTemplate", "spec", "template", "spec"))


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Which object, in words that a cluster and people understand."""

    api_version: str
    kind: str
    namespace: str
    """Empty when the manifest names none."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def of(cls, manifest: Object) -> "Ref":
        """Of a manifest; what is missing or no text is empty."""
        metadata = manifest.get("metadata")
        of = metadata if isinstance(metadata, Mapping) else {}
        return cls(
            api_version=_text(manifest.get("apiVersion")),
            kind=_text(manifest.get("kind")),
            namespace=_text(of.get("namespace")),
            name=_text(of.get("name")),
        )


def check(objects: Sequence[Object], *, namespaces: Collection[str]) -> tuple[str, ...]:
    """What keeps these objects from being applied, in plain words; empty when nothing does.

    `namespaces` are those that the service may write to; an object that names none is at fault too, since then the
    place where it lands depends on who applies it.
    """
    if not objects:
        return ("the overlay renders to nothing",)
    if len(objects) > MOST_OBJECTS:
        return (f"the overlay renders to {len(objects)} objects; {MOST_OBJECTS} are the most",)
    faults: list[str] = []
    seen: set[tuple[str, str, str]] = set()
    for index, manifest in enumerate(objects, start=1):
        ref = Ref.of(manifest)
        faults += _faults_of(index, ref, manifest, namespaces)
        key = (ref.kind, ref.namespace, ref.name)
        if ref.name and key in seen:
            faults.append(f"{ref} is there twice")
        seen.add(key)
    if len(faults) > MOST_FAULTS:
        faults[MOST_FAULTS:] = [f"and {len(faults) - MOST_FAULTS} more"]
    return tuple(faults)


def _faults_of(index: int, ref: Ref, manifest: Object, namespaces: Collection[str]) -> Iterator[str]:
    metadata = manifest.get("metadata")
    if not ref.kind or not isinstance(metadata, Mapping):
        yield f"object {index} has no kind or no metadata"
        return
    if "generateName" in metadata:
        yield f"{ref.kind} {index} has generateName: each apply would make another one; give it a name"
        return
    if not ref.name:
        yield f"{ref.kind} {index} has no name"
        return
    if not _NAME.fullmatch(ref.name):
        yield f"{ref.kind} {index} has a name that Kubernetes does not take"
        return
    versions = ALLOWED_KINDS.get(ref.kind)
    if versions is None:
        yield f"{ref} is of a kind that is not applied from here"
        return
    if ref.api_version not in versions:
        yield f"{ref} has apiVersion {ref.api_version or 'none'}; {' or '.join(sorted(versions))} is applied"
    if not ref.namespace:
        yield f"{ref} names no namespace"
    elif ref.namespace not in namespaces:
        yield f"{ref} is in the namespace {ref.namespace}; the service's is {' or '.join(sorted(namespaces))}"
    if "status" in manifest:
        yield f"{ref} has a status, which only the cluster writes"
    for field in _SERVERS_FIELDS:
        # kustomize itself writes `creationTimestamp: null` when it makes an object.
        if metadata.get(field) is not None:
            yield f"{ref} has metadata.{field}, which no overlay sets"


def set_image(objects: Sequence[Object], repository: ImageRepository, reference: str) -> tuple[tuple[Object, ...], int]:
    """The objects with `reference` wherever a container runs an image of `repository`, and how many containers do.

    Init containers are containers. The given objects stay as they are.
    """
    count = 0
    changed: list[Object] = []
    for manifest in objects:
        draft = copy.deepcopy(dict(manifest))
        for container in containers_of(draft):
            if _is_of(container.get("image"), repository):
                container["image"] = reference
                count += 1
        changed.append(draft)
    return tuple(changed), count


def containers_of(manifest: Object) -> Iterator[dict[str, Any]]:
    """The containers and init containers of a workload, a Job or a CronJob."""
    for path in _POD_PATHS:
        pod: Any = manifest
        for key in path:
            pod = pod.get(key) if isinstance(pod, Mapping) else None
        if not isinstance(pod, Mapping):
            continue
        for field in ("initContainers", "containers"):
            listed = pod.get(field)
            if isinstance(listed, list):
                yield from (each for each in listed if isinstance(each, dict))


def _is_of(image: Any, repository: ImageRepository) -> bool:
    if not isinstance(image, str):
        return False
    try:
        found = parse_image(image)
    except BadImageReference:
        return False
    return found.repository == repository


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
