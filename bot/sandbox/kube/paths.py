"""Paths of the Kubernetes API: from a URL path to the resource, namespace, name and subresource it names. Pure."""

from dataclasses import dataclass

from bot.sandbox.kube.kinds import BY_PATH, NAMESPACES, Resource


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about; an empty name means the collection, an empty namespace all namespaces."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class NoResource:
    """A path inside a group version that is served, naming a resource that is not."""


def parse(path: str) -> Target | NoResource | None:
    """The target of `/api/v1/…` or `/apis/G/V/…`; None when the path is none of ours."""
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 3 and parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    if not any(key[:2] == (group, version) for key in BY_PATH):
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and not (group == "" and rest[2] in NAMESPACES.subresources):
        namespace, rest = rest[1], rest[2:]
    resource = BY_PATH.get((group, version, rest[0]))
    if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
        return NoResource()
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if subresource and subresource not in resource.subresources:
        return NoResource()
    return Target(resource, namespace, name, subresource)
