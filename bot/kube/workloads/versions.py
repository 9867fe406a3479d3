"""Where a pod template says its version, beside the image: labels and a variable that numbers are told apart by.

Used by the writes of Rollouts, whose canary shares its template with everybody, and by the twins of Deployments.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.images import version_of
from bot.kube.workloads.raw import Json, at, objects, strings

LABELS = ("app.kubernetes.io/version", "tags.datadoghq.com/version")
VARIABLE = "DD_VERSION"
LONGEST_LABEL = 63


@dataclass(frozen=True, slots=True)
class Change:
    """One string of a Rollout to be replaced."""

    path: str
    """JSON Pointer (RFC 6901)."""
    old: str
    new: str

    @property
    def step(self) -> dict[str, str]:
        """As a step of a JSON patch."""
        return {"op": "replace", "path": self.path, "value": self.new}


def to_image(template: Json, container: str, image: str, *, everywhere: bool) -> tuple[Change, ...]:
    """A Rollout's template with `image`, and its version where the template says it.

    `everywhere`: also where it says something else than the present image's, which is what a canary's numbers need.
    """
    return tuple(change for change in _changes(template, container, image, everywhere) if change.old != change.new)


def _changes(template: Json, container: str, image: str, everywhere: bool) -> Iterator[Change]:
    version, root = version_of(image), "/spec/template"
    containers = list(objects(at(template, "spec").get("containers")))
    index = next(i for i, each in enumerate(containers) if each.get("name") == container)
    present = str(containers[index].get("image", ""))
    yield Change(f"{root}/spec/containers/{index}/image", present, image)
    told = version_of(present)
    for key, value in strings(at(template, "metadata", "labels")).items():
        if key in LABELS and len(version) <= LONGEST_LABEL and (everywhere or value == told):
            yield Change(f"{root}/metadata/labels/{pointer(key)}", value, version)
    for i, each in enumerate(containers):
        for j, variable in enumerate(objects(each.get("env"))):
            given = variable.get("value")
            if variable.get("name") == VARIABLE and isinstance(given, str) and (everywhere or given == told):
                yield Change(f"{root}/spec/containers/{i}/env/{j}/value", given, version)


def pointer(key: str) -> str:
    """A key as one step of a JSON Pointer."""
    return key.replace("~", "~0").replace("/", "~1")
