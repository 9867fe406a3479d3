"""What the watches of one run told about each object, and how two such stories are compared.

Allowed to differ: the time between states, states in between (see `differences.sequences`), the order of counters
inside a phase of the scenario, pods of one ReplicaSet among each other, and in how many steps a rollout scales.
"""

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.sandbox.replay.differences import Difference, align, bodies, sequences
from tests.sandbox.replay.names import Names
from tests.sandbox.replay.recording import Json, Sighting
from tests.sandbox.replay.states import counters, decisive

_STEP = re.compile(r"(\(combined from similar events\): )?(Scaled \w+ replica set \S+) from (\d+) to (\d+)")


@dataclass(frozen=True, slots=True)
class Run:
    """One side: sightings in the order of their versions, and the versions at which the scenario took a step."""

    names: Names
    sightings: list[Sighting]
    cuts: list[int]

    def phase(self, version: int) -> int:
        return sum(version > cut for cut in self.cuts)


@dataclass(frozen=True, slots=True)
class Moment:
    """One object in one state, and the first body that showed it."""

    state: Json
    obj: Json


def compare(recorded: Run, sandbox: Run) -> Iterator[Difference]:
    ours, theirs = _histories(recorded), _histories(sandbox)
    for label in sorted(ours.keys() | theirs.keys()):
        if len(ours.get(label, [])) != len(theirs.get(label, [])):
            yield Difference(label, "how many", len(ours.get(label, [])), len(theirs.get(label, [])))
        for mine, other in zip(ours.get(label, []), theirs.get(label, []), strict=False):
            yield from _moments(label, recorded, mine, sandbox, other)
    yield from _counters(recorded, sandbox)
    yield from _events(recorded, sandbox)


def _histories(run: Run) -> dict[str, list[list[Moment]]]:
    """Moments of all objects but events, by shared name; those with the same name in a fixed order."""
    found: dict[str, dict[str, list[Moment]]] = {}
    for seen in run.sightings:
        if seen.obj.get("kind") in ("Event", "Status"):
            continue
        label = f"{seen.obj['kind']} {run.names.plain(seen.obj['metadata']['name'])}"
        state = run.names.plain(decisive(seen.obj)) | {"gone": seen.change == "DELETED"}
        moments = found.setdefault(label, {}).setdefault(seen.obj["metadata"]["uid"], [])
        if not moments or moments[-1].state != state:
            moments.append(Moment(state, seen.obj))
    return {label: sorted(objects.values(), key=_by_fate) for label, objects in found.items()}


def _by_fate(moments: list[Moment]) -> str:
    return json.dumps([moments[-1].state, *(m.state for m in moments)], sort_keys=True)


def _moments(label: str, run: Run, ours: list[Moment], other: Run, theirs: list[Moment]) -> Iterator[Difference]:
    mine, others = [m.state for m in ours], [m.state for m in theirs]
    yield from sequences(label, mine, others)
    for i, j in align(mine, others):
        yield from bodies(label, _uncounted(run.names, ours[i].obj), _uncounted(other.names, theirs[j].obj))


def _uncounted(names: Names, obj: Json) -> Any:
    """A plain body whose counters are left to `_counters`."""
    told = counters(obj)
    if not told:
        return names.plain(obj)
    status = {k: v for k, v in obj["status"].items() if k not in told}
    metadata, spec = dict(obj["metadata"]), dict(obj["spec"])
    if "wanted" in told:
        del spec["replicas"], metadata["generation"]
        status.pop("observedGeneration", None)
    metadata.pop("managedFields", None)  # names the counters that are not zero
    return names.plain({**obj, "metadata": metadata, "spec": spec, "status": status})


def _counters(recorded: Run, sandbox: Run) -> Iterator[Difference]:
    """At the end of each phase all counters are equal; on the way there, the most pods and the fewest available."""
    ours, theirs = _phases(recorded), _phases(sandbox)
    for key in sorted(ours.keys() & theirs.keys()):
        yield from bodies(f"{key[1]} in phase {key[0]}", ours[key], theirs[key])
    yield from bodies("objects whose pods were seen ending", _endings(recorded), _endings(sandbox))


def _endings(run: Run) -> list[str]:
    found = {
        run.names.plain(f"{seen.obj['kind']} {seen.obj['metadata']['name']}")
        for seen in run.sightings
        if (seen.obj.get("status") or {}).get("terminatingReplicas")
    }
    return sorted(found)


def _phases(run: Run) -> dict[tuple[int, str], Json]:
    latest: dict[str, dict[str, int]] = {}
    told: dict[tuple[int, str], Json] = {}
    for phase in range(len(run.cuts) + 1):
        spans = {label: [start] for label, start in latest.items()}
        for seen in run.sightings:
            if run.phase(seen.version) == phase and counters(seen.obj):
                label = run.names.plain(f"{seen.obj['kind']} {seen.obj['metadata']['name']}")
                spans.setdefault(label, []).append(counters(seen.obj))
                latest[label] = counters(seen.obj)
        for label, span in spans.items():
            summary: Json = {f"{name} at last": value for name, value in latest[label].items()}
            if label.startswith("Deployment "):
                summary["most replicas"] = max(c["replicas"] for c in span)
                summary["fewest available"] = min(c["availableReplicas"] for c in span)
            told[phase, label] = summary
    return told


def _events(recorded: Run, sandbox: Run) -> Iterator[Difference]:
    def sides(chosen: Callable[[Run], Any]) -> tuple[Any, Any]:
        return chosen(recorded), chosen(sandbox)

    yield from bodies("events about scaling", *sides(_scalings))
    ours, theirs = sides(_told)
    for key in sorted(ours.keys() | theirs.keys()):
        if len(ours.get(key, ())) != len(theirs.get(key, ())):
            yield Difference(f"event {key}", "how many", len(ours.get(key, ())), len(theirs.get(key, ())))
        for mine, other in itertools.islice(zip(ours.get(key, ()), theirs.get(key, ()), strict=False), 1):
            yield from bodies(f"event {key}", recorded.names.plain(mine), sandbox.names.plain(other))


def _told(run: Run) -> dict[str, list[Json]]:
    """First sightings of events but those about scaling, by what they tell about whom. How often is left aside."""
    found: dict[str, list[Json]] = {}
    for seen in run.sightings:
        if seen.obj["kind"] == "Event" and seen.change == "ADDED" and seen.obj["reason"] != "ScalingReplicaSet":
            about, event = seen.obj["involvedObject"], seen.obj
            who = event["source"].get("component") or event["reportingComponent"]
            words = f"{who} {event['type']} {event['reason']} {about['kind']} {about['name']}: {event['message']}"
            found.setdefault(run.names.plain(words), []).append(event)
    return found


def _scalings(run: Run) -> Json:
    """How far each ReplicaSet was scaled, steps in the same direction joined; and whether steps were combined."""
    steps: dict[str, list[tuple[str, int, int]]] = {}
    apart: dict[str, set[str]] = {}  # messages of an object that were not combined
    combined, kinds = set[str](), Counter[str]()
    for seen in run.sightings:
        if seen.obj["kind"] != "Event" or seen.obj["reason"] != "ScalingReplicaSet":
            continue
        match = _STEP.fullmatch(run.names.plain(seen.obj["message"]))
        assert match is not None, seen.obj["message"]
        about = seen.obj["involvedObject"]["uid"]
        if match[1]:
            combined.add(about)
        else:
            apart.setdefault(about, set()).add(seen.obj["message"])
        way, size, onto = match[2], int(match[3]), int(match[4])
        line = steps.setdefault(way.split()[-1], [])
        if line and line[-1][0] == way and line[-1][2] == size:
            size = line.pop()[1]
        line.append((way, size, onto))
        kinds[seen.obj["type"]] += 1
    is_combined = all(len(told) == 9 if uid in combined else len(told) < 10 for uid, told in apart.items())
    return {"steps": {name: [list(s) for s in line] for name, line in steps.items()},
            "combined from the tenth on": is_combined, "types": sorted(kinds)}  # fmt: skip
