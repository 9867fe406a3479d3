"""What happens to the monitors of a storm, and how Datadog tells of it: planned from a seed, the same each time.

Written apart from the rules under test: the final state of a group is simply the last thing that happened to it.
"""

import json
import random
from dataclasses import dataclass

from bot.datadog.template import PAYLOAD

BAD = ("Triggered", "Triggered", "Triggered", "Warn", "No Data")
AGAIN = {"Triggered": "Re-Triggered", "Warn": "Re-Warn", "No Data": "Re-No Data"}
STATES = {"Triggered": "Alert", "Re-Triggered": "Alert", "Re-Warn": "Warn", "Re-No Data": "No Data"}
TYPES = {"Recovered": "success", "Warn": "warning", "Re-Warn": "warning"}
TEAMS = 5
"""Each has a channel of its own."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a storm."""

    webhooks: int = 10_000
    seconds: float = 60.0
    monitors: int = 200
    scopes: int = 50
    duplicates: float = 0.2
    out_of_order: float = 0.1
    renotified: float = 0.3
    seed: int = 5
    kills: int = 0


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to one group."""

    monitor: int
    group: str
    cycle: str
    transition: str
    state: str
    at_ms: int
    number: int

    @property
    def body(self) -> str:
        """The webhook's body, as our template makes Datadog write it; a variable without a value stays as it is."""
        which = self.monitor % TEAMS
        told = {
            "id": str(7_000_000_000_000 + self.number),
            "cycle": self.cycle,
            "monitor": str(self.monitor),
            "transition": self.transition,
            "type": TYPES.get(self.transition, "error"),
            "priority": f"P{1 + self.monitor % 5}",
            "date": str(self.at_ms),
            "updated": str(self.at_ms),
            "scope": self.group,
            "tags": f"monitor,team:t{which},{self.group}",
            "link": f"https://app.datadoghq.com/monitors/{self.monitor}",
            "title": f"[{self.transition} on {{{self.group}}}] p99 latency, monitor {self.monitor}",
            "status": f"storm.measure over {self.group} was > 0.3 during the last 60s. Value: {0.3 + which}",
            "query": "avg(last_1m):p99:storm.measure{env:prd} by {service} > 0.3",
            "text": "The storm passes.\nLook at the dashboard before you restart anything. " * 5,
        }
        return json.dumps({name: told.get(name, variable) for name, variable in PAYLOAD.items()})


@dataclass(frozen=True, slots=True)
class AlertStory:
    """`sent` in the order of sending, duplicates included; `finals`: state by (monitor, group)."""

    sent: tuple[Happening, ...]
    finals: dict[tuple[int, str], str]


def plan(extent: Extent, begin_ms: int) -> AlertStory:
    """The storm. Things that happen to one group are at least a second apart: `$DATE` tells whole seconds."""
    chance = random.Random(extent.seed)
    single = round(extent.webhooks * (1 - extent.duplicates))
    again = round(extent.webhooks * extent.renotified)
    groups = [
        (m, f"env:prd,service:s{s:02d}") for m in range(1000, 1000 + extent.monitors) for s in range(extent.scopes)
    ]
    chance.shuffle(groups)
    happened: list[Happening] = []
    span_s = int(extent.seconds)
    while len(happened) < single and groups:
        monitor, group = groups.pop()
        happened += _of_group(monitor, group, begin_ms, span_s, again / max(1, single), chance)
    happened = sorted(happened, key=lambda each: each.at_ms)[:single]
    finals = {(each.monitor, each.group): each.state for each in happened}
    places = [(float(index), each) for index, each in enumerate(happened)]
    for index in chance.sample(range(len(places)), round(len(places) * extent.out_of_order)):
        places[index] = (places[index][0] + chance.uniform(-800, 800), places[index][1])
    for _ in range(extent.webhooks - single):
        place, each = chance.choice(places[: len(happened)])
        places.append((place + chance.uniform(0.5, 1500.0), each))
    return AlertStory(tuple(each for _, each in sorted(places, key=lambda pair: pair[0])), finals)


def _of_group(
    monitor: int, group: str, begin_ms: int, span_s: int, share: float, chance: random.Random
) -> list[Happening]:
    """A cycle or two: it opens, gets worse or better, is told again, recovers mostly."""
    second, found = chance.randrange(max(1, span_s - 10)), []
    for cycle in range(chance.choice((1, 1, 1, 2))):
        transition = chance.choice(BAD)
        steps = [transition]
        while chance.random() < share * 1.6:
            steps.append(chance.choice((AGAIN[transition], "Renotify")))
        if chance.random() < 0.2:
            transition = chance.choice([each for each in BAD if each != transition])
            steps.append(transition)
        if chance.random() < 0.6:
            steps.append("Recovered")
        state = ""
        for step in steps:
            state = state if step == "Renotify" else STATES.get(step, step)
            number = monitor * 1_000_000 + int(group[-2:]) * 10_000 + second * 10 + cycle
            name = f"{monitor}-{group}-{cycle}"
            found.append(Happening(monitor, group, name, step, state, begin_ms + second * 1000, number))
            second += chance.randint(1, 3)
        if steps[-1] != "Recovered":
            break
    return found
