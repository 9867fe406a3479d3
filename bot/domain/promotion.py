"""A promotion: a version taken over from what runs in another environment. A part of a release's plan.

Made by bot.usecases.promotion; its words are for people, its digest is the plan's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.domain.manifests.diff import changed_lines
from bot.domain.manifests.live import cleaned

MOST_OBJECTS = 20
"""Objects told of a drift; a card says how many more there are."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One object that the overlays of two environments have differently."""

    name: str
    """`ConfigMap/shop`."""
    here: bool
    """Whether the environment that is promoted to has it."""
    there: bool
    """Whether the source has it."""
    lines: tuple[str, ...] = ()
    """From the source to here, as bot.domain.manifests.diff has it; of what both have."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """Where a version comes from."""

    source: str
    """The environment's name."""
    ran_s: float = 0.0
    """For how long it had run there, in seconds; 0: not known."""
    pods: int = 0
    """How many pods ran it."""
    tag_moved: bool = False
    """The tag points at another image by now; the one that runs in the source is taken."""
    drift: tuple[Drift, ...] = ()
    drift_left_out: int = 0
    compared: bool = False
    """Whether the overlays of both were rendered and compared."""


ENVIRONMENT = "{environment}"
"""What stands for an environment's own name, wherever it is a word of its own."""
_HASHED = re.compile(r"(?P<name>.+)-[bcdfghkmt2456789]{10}")
"""A name with the hash of its content behind it, in kustomize's letters: another one in each overlay."""
_SIZES = ("replicas", "minReplicas", "maxReplicas")


def drift(
    source: Sequence[Mapping[str, Any]], target: Sequence[Mapping[str, Any]], *, names: tuple[str, str]
) -> tuple[Drift, ...]:
    """What differs between two rendered overlays beside what always does: namespaces, sizes, hashes of content, and the
    environments' own `names` (source, target). Give both the service's same image before.
    """
    there, here = _by_name(source, names[0]), _by_name(target, names[1])
    found = []
    for name in sorted(there.keys() | here.keys()):
        if name in there and name in here:
            lines = changed_lines(there[name], here[name])
            if lines:
                found.append(Drift(name, here=True, there=True, lines=lines))
        else:
            found.append(Drift(name, here=name in here, there=name in there))
    return tuple(found)


def _by_name(rendered: Sequence[Mapping[str, Any]], environment: str) -> dict[str, Any]:
    hashed = {}
    for each in rendered:
        match = _HASHED.fullmatch(_name(each)) if each.get("kind") == "ConfigMap" else None
        if match is not None:
            hashed[_name(each)] = match["name"]
    # A word of its own: `stg` in `admin.stg.example.com` and `stg-admin`, not in `listgroup`.
    word = re.compile(rf"(?<![A-Za-z0-9]){re.escape(environment)}(?![A-Za-z0-9])")

    def alike(value: Any) -> Any:
        match value:
            case str():
                return word.sub(ENVIRONMENT, hashed.get(value, value))
            case dict():
                return {alike(key): alike(part) for key, part in value.items()}
            case list():
                return [alike(part) for part in value]
            case _:
                return value

    found = {}
    for each in rendered:
        manifest = alike(_without_noise(each))
        found[f"{manifest.get('kind', '')}/{_name(manifest)}"] = manifest
    return found


def _name(manifest: Mapping[str, Any]) -> str:
    metadata = manifest.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, Mapping) else ""


def _without_noise(manifest: Mapping[str, Any]) -> dict[str, Any]:
    kept = cleaned(manifest)
    kept["metadata"].pop("namespace", None)
    spec = kept.get("spec")
    if isinstance(spec, Mapping):
        kept["spec"] = {key: value for key, value in spec.items() if key not in _SIZES}
    return kept


def for_how_long(span: timedelta) -> str:
    """`40 s`, `12 min`, `3 h`, `5 days`."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    if seconds < 172_800:
        return f"{seconds // 3600} h"
    return f"{seconds // 86_400} days"
