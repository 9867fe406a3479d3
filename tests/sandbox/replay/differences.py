"""Differences between two bodies or two sequences of states, told one by one; which states may be missing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.sandbox.replay.recording import Json

_KEYS = ("name", "resource", "subresource", "type", "version", "groupVersion", "uid")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the recorded and the simulated cluster tell differently; None where one tells nothing."""

    where: str
    path: str
    recorded: Any
    sandbox: Any

    def __str__(self) -> str:
        shown = [json.dumps(side, default=str)[:400] for side in (self.recorded, self.sandbox)]
        return f"{self.where}: {self.path}: recorded {shown[0]}, sandbox {shown[1]}"


def bodies(where: str, recorded: Any, sandbox: Any, path: str = "") -> Iterator[Difference]:
    """Walk two plain bodies; lists of named things are compared by name."""
    if isinstance(recorded, dict) and isinstance(sandbox, dict):
        for key in sorted(recorded.keys() | sandbox.keys()):
            below = f"{path}.{key}" if path else key
            yield from bodies(where, recorded.get(key), sandbox.get(key), below)
    elif isinstance(recorded, list) and isinstance(sandbox, list):
        ours, theirs = _by_name(recorded), _by_name(sandbox)
        if ours is None or theirs is None:
            ours = dict(enumerate(sorted(recorded, key=json.dumps)))
            theirs = dict(enumerate(sorted(sandbox, key=json.dumps)))
        for name in [*ours, *(n for n in theirs if n not in ours)]:
            yield from bodies(where, ours.get(name), theirs.get(name), f"{path}[{name}]")
    elif recorded != sandbox:
        yield Difference(where, path, recorded, sandbox)


def _by_name(items: list[Any]) -> dict[Any, Any] | None:
    """Items by what identifies them, or None when nothing does."""
    found: dict[Any, Any] = {}
    for item in items:
        if not isinstance(item, dict):
            return None
        inner = item.get("metadata")
        if "manager" in item:
            name = " ".join(str(item.get(k, "")) for k in ("manager", "operation", "subresource")).strip()
        elif isinstance(inner, dict):
            name = str(inner.get("name", ""))
        else:
            name = next((str(item[key]) for key in _KEYS if key in item), "")
        if name in found or (not name and "metadata" not in item):
            return None
        found[name] = item
    return found


def align(recorded: list[Json], sandbox: list[Json]) -> list[tuple[int, int]]:
    """Places of the longest common subsequence."""
    ours = [json.dumps(s, sort_keys=True) for s in recorded]
    theirs = [json.dumps(s, sort_keys=True) for s in sandbox]
    best = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i in reversed(range(len(ours))):
        for j in reversed(range(len(theirs))):
            same = ours[i] == theirs[j]
            best[i][j] = best[i + 1][j + 1] + 1 if same else max(best[i + 1][j], best[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < len(ours) and j < len(theirs):
        if ours[i] == theirs[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def sequences(where: str, recorded: list[Json], sandbox: list[Json]) -> Iterator[Difference]:
    """States that only one side has. One may be missing where it shows no field that neither of the states around it
    shows: controllers write several changes at once or one by one, as it happens.
    """
    pairs = align(recorded, sandbox)
    for states, side in ((recorded, 0), (sandbox, 1)):
        shared = [pair[side] for pair in pairs]
        for place, state in enumerate(states):
            if place in shared:
                continue
            before = max((p for p in shared if p < place), default=None)
            after = min((p for p in shared if p > place), default=None)
            if before is not None and after is not None and _is_between(state, states[before], states[after]):
                continue
            told = (state, None) if side == 0 else (None, state)
            yield Difference(where, f"state {place}", *told)


def _is_between(state: Json, before: Json, after: Json) -> bool:
    return all(state.get(f) in (before.get(f), after.get(f)) for f in state.keys() | before.keys() | after.keys())
