"""A storm: thousands of notifications of many monitors, with duplicates, in no order, and told again and again.

Planned from a seed, so that the same storm comes again; sent by `service`. For benches and tests.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bot.sandbox.datadog.board import Notification
from bot.sandbox.datadog.monitors import AGAIN, FIRST, Monitor, State, Transition, cycle_key

FIRST_MONITOR_ID = 42_000_000
FIRST_EVENT_ID = 8_000_000_000_000_000_000
SERVICES_PER_MONITOR = 25
MESSAGES_PER_GROUP = 20
BAD = (State.ALERT, State.ALERT, State.ALERT, State.WARN, State.NO_DATA)


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of all messages."""

    duplicates: float = 0.2
    out_of_order: float = 0.1
    renotifications: float = 0.3


@dataclass(frozen=True, slots=True)
class Storm:
    """`messages` in the order of sending, duplicates included; `story` without them, in the order of happening."""

    monitors: tuple[Monitor, ...]
    messages: tuple[Notification, ...]
    story: tuple[Notification, ...]

    def finals(self) -> dict[tuple[int, str], Notification]:
        """The last thing that happened to each group, by monitor id and group."""
        return {(each.monitor.id, each.group): each for each in self.story}


def plan(count: int, seed: int, begin_s: float, span_s: float = 60.0, mix: Mix | None = None) -> Storm:
    """A storm of `count` messages about things that happen from `begin_s` (Unix seconds) on, for `span_s`.

    Things that happen to one group are at least a second apart, because `$DATE` tells whole seconds.
    """
    mix, chance = mix or Mix(), random.Random(seed)
    single = max(1, count - round(count * mix.duplicates))
    groups = list(_groups(-(-single // MESSAGES_PER_GROUP)))
    story = _story(groups, single, round(count * mix.renotifications), begin_s, span_s, chance)
    places = _disordered(story, round(count * mix.out_of_order), chance)
    for index in chance.sample(range(len(story)), min(len(story), count - single)):
        places.append((places[index][0] + chance.uniform(0.5, 50.0), index))
    messages = tuple(story[index] for _, index in sorted(places))
    return Storm(tuple(dict.fromkeys(monitor for monitor, _ in groups)), messages, tuple(story))


def _groups(count: int) -> Iterator[tuple[Monitor, str]]:
    for number in range(count):
        which = number // SERVICES_PER_MONITOR
        env = "prd" if which % 3 == 0 else "stg"
        metric = f"storm.measure_{which:02d}"
        monitor = Monitor(
            id=FIRST_MONITOR_ID + which, key=f"storm/{which:02d}", name=f"Storm {which:02d} in {env}", env=env,
            measure=None, metric=metric, query=f"avg(last_1m):avg:{metric}{{env:{env}}} by {{service}} > 1",
            critical=1.0, warning=0.5, message=f"A storm passes.\n@webhook-kajitori {which}",
            tags=(f"env:{env}", "team:storm"), priority=1 + which % 5, window_s=60.0,
        )  # fmt: skip
        yield monitor, f"service:svc-{number:04d}"


def _story(
    groups: list[tuple[Monitor, str]], single: int, again: int, begin_s: float, span_s: float, chance: random.Random
) -> list[Notification]:
    """What happens to every group, as one sequence."""
    happened: list[tuple[float, int, Monitor, str, Transition, State, str, float]] = []
    for place, (monitor, group) in enumerate(groups):
        count, repeats = (_part(total, len(groups), place) for total in (single, again))
        steps = _steps(count, min(repeats, count - 1), chance)
        spacing_s = max(1.0, span_s / max(1, count))
        number, opened_s, before = 0, begin_s, State.OK
        for index, (transition, state) in enumerate(steps):
            at_s = begin_s + int(index * spacing_s) + (chance.randrange(int(spacing_s)) if spacing_s >= 2 else 0)
            if before is State.OK:
                number, opened_s = number + 1, at_s
            before = state
            key = cycle_key(monitor.id, group, number)
            happened.append((at_s, place, monitor, group, transition, state, key, opened_s))
    happened.sort(key=lambda each: each[:2])
    return [
        Notification(monitor, group, transition, state, _value(state, chance), key, FIRST_EVENT_ID + n, at_s, opened_s)
        for n, (at_s, _, monitor, group, transition, state, key, opened_s) in enumerate(happened)
    ]


def _part(total: int, parts: int, place: int) -> int:
    return total // parts + (place < total % parts)


def _steps(count: int, repeats: int, chance: random.Random) -> list[tuple[Transition, State]]:
    """A group's transitions, with `repeats` renotifications of the bad ones among them."""
    states: list[State] = []
    for _ in range(count - repeats):
        before = states[-1] if states else State.OK
        if before is State.OK:
            states.append(chance.choice(BAD))
        else:
            states.append(chance.choice((State.OK, State.OK, *(each for each in BAD if each is not before))))
    told = Counter(chance.choices([n for n, state in enumerate(states) if state is not State.OK], k=repeats))
    steps: list[tuple[Transition, State]] = []
    for place, state in enumerate(states):
        steps.append((FIRST[state], state))
        for _ in range(told[place]):
            steps.append((chance.choice((AGAIN[state], Transition.RENOTIFY)), state))
    return steps


def _value(state: State, chance: random.Random) -> float | None:
    match state:
        case State.NO_DATA:
            return None
        case State.OK:
            return round(chance.uniform(0.0, 0.5), 3)
        case State.WARN:
            return round(chance.uniform(0.5, 1.0), 3)
        case State.ALERT:
            return round(chance.uniform(1.0, 9.0), 3)


def _disordered(story: list[Notification], count: int, chance: random.Random) -> list[tuple[float, int]]:
    """Places in the order of sending: as it happened, but `count` come after the next one of their own group."""
    following: dict[int, int] = {}
    last: dict[tuple[int, str], int] = {}
    for index, told in enumerate(story):
        key = (told.monitor.id, told.group)
        if key in last:
            following[last[key]] = index
        last[key] = index
    late = set(chance.sample(sorted(following), min(count, len(following))))
    return [(following[index] + 0.5 if index in late else float(index), index) for index in range(len(story))]
