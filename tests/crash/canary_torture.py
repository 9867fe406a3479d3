"""Canaries tortured: one after the other, moved by hand, and for each a kill -9 of the bot at a random moment.

Run in a short form by the tests and in a long one by `make torture`. Every choice comes from a seed: how each canary
goes, and how long after its command the bot is killed; how far the bot has come by then is chance.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from bot.sandbox.kube import Options
from bot.sandbox.kube.kinds import DEPLOYMENTS, HTTP_ROUTES, SERVICES
from bot.sandbox.slack.pace import Timing
from tests.chat import STG, open_chat, payload
from tests.crash.bot_process import BotProcess, Ledger
from tests.crash.crash_site import CrashSite

TIMING = Timing(resend_s=1.0, command_life_s=6.0)
LONGEST_KILL_DELAY_S = 7.0
CANARY_DEADLINE_S = 120.0
COURSES = (("Abort",), ("Next: 50 %", "Abort"), ("Next: 50 %", "Promote"), ("Promote",))
"""What people press, in order."""
SERVICES_IN_TURN = ("admin", "web")
"""One whose share comes in pods, and one whose share is the weight of an HTTPRoute."""


@dataclass(frozen=True, slots=True)
class CanaryWish:
    """A canary to ask for, what is pressed on its card, and when the bot dies."""

    service: str
    version: str
    presses: tuple[str, ...]
    kill_after_s: float

    @property
    def is_promoted(self) -> bool:
        return self.presses[-1] == "Promote"


@dataclass(slots=True)
class CanaryVerdict:
    """What was counted at the end. `faults` is empty when every promise held."""

    seed: int
    canaries: int = 0
    kills: int = 0
    slowest_abort_s: float = 0.0
    """From the press being written down until nothing of the canary was left, with restarts in between."""
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"canaries      {self.canaries}",
            f"kills         {self.kills}",
            f"aborts        the slowest took {self.slowest_abort_s:.1f} s",
            f"took          {self.seconds:.0f} s",
            *(f"FAULT         {fault}" for fault in self.faults),
            f"seed          {self.seed}",
        ]


def canary_wishes(seed: int, canaries: int) -> list[CanaryWish]:
    """What is asked for, in order."""
    random = Random(seed)
    return [
        CanaryWish(
            SERVICES_IN_TURN[number % len(SERVICES_IN_TURN)],
            f"6.0.{number}",
            random.choice(COURSES),
            random.uniform(0, LONGEST_KILL_DELAY_S),
        )
        for number in range(canaries)
    ]


async def torture_canaries(
    folder: Path, *, canaries: int, seed: int, say: Callable[[str], None] = lambda line: None
) -> CanaryVerdict:
    """Run it, and judge."""
    begun, verdict = time.monotonic(), CanaryVerdict(seed)
    async with open_chat(folder, with_bot=False, timing=TIMING, cluster_options=Options(speed=3.0, seed=seed)) as chat:
        bot = BotProcess(chat.sandbox)
        site = CrashSite(chat, bot, Ledger(folder))
        try:
            await bot.start()
            for wish in canary_wishes(seed, canaries):
                await _one(site, wish, verdict)
                say(f"{wish.service} {wish.version}: {', '.join(wish.presses)}")
            await bot.connected()
            await site.calm(60)
            verdict.faults += [f"twice: {words!r}" for words in site.doubles()]
            verdict.faults += [f"never said: {row['error']}" for row in site.ledger.dead_letters()]
            verdict.faults += [f"still locked: {target}" for target in site.ledger.held_locks()]
            broken = await site.ledger.broken_chain()
            verdict.faults += [f"audit: {broken.text}"] if broken is not None else []
            await bot.terminate(25)
        finally:
            await bot.kill()
    verdict.seconds = time.monotonic() - begun
    return verdict


async def _one(site: CrashSite, wish: CanaryWish, verdict: CanaryVerdict) -> None:
    site.chat.sandbox.registry.publish(f"growlio/{wish.service}", wish.version)
    before = site.generation("stg", wish.service), site.image("stg", wish.service)
    killing = asyncio.create_task(_kill(site, wish.kill_after_s))
    try:
        async with asyncio.timeout(CANARY_DEADLINE_S):
            row = await _carry(site, wish)
            await killing
    except TimeoutError:
        raise AssertionError(f"{wish} had no end: {_row(site, wish)}\n{site.bot.last_words()}") from None
    finally:
        killing.cancel()
    verdict.canaries += 1
    verdict.kills += 1
    _check(site, wish, row, before, verdict)


async def _kill(site: CrashSite, delay_s: float) -> None:
    await asyncio.sleep(delay_s)
    await site.bot.kill()
    await site.bot.start(ready=False)


async def _carry(site: CrashSite, wish: CanaryWish) -> dict[str, Any]:
    """Ask and press, each until it has come through; the canary's row when it is over."""
    asked_at = -TIMING.command_life_s
    while True:
        row = _row(site, wish)
        if row is None and time.monotonic() - asked_at > TIMING.command_life_s + 2:
            asked_at = time.monotonic()
            try:
                await site.chat.alice.says(f"/canary stg {wish.service} {wish.version} 25%")
            except AssertionError as error:
                if "dispatch_failed" not in str(error) and "operation_timeout" not in str(error):
                    raise
        elif row is not None and row["finished_at"] is not None:
            return row
        elif row is not None:
            label = _due(row, wish)
            if label:
                await _press(site, label, wish)
        await asyncio.sleep(0.1)


def _due(row: dict[str, Any], wish: CanaryWish) -> str:
    """What is to be pressed now; empty when nothing is."""
    course = row["body"]["canary"]
    if course["reached_at"] is None or course["ending"] or course["promotion"] or row["body"]["abort_by"]:
        return ""
    return wish.presses[min(int(course["index"]), len(wish.presses) - 1)]


async def _press(site: CrashSite, label: str, wish: CanaryWish) -> None:
    """Press a button once, if its card is there and the bot too; the caller looks and tries again."""
    for card in reversed(site.chat.cards(STG)):
        told = payload(card)
        if told.get("to_version") == wish.version and told.get("kind") == "canary":
            try:
                await site.chat.bob.presses(label, card)
            except AssertionError:
                return  # the card has moved on, or nobody was there to hear it
            return


def _row(site: CrashSite, wish: CanaryWish) -> dict[str, Any] | None:
    found = [row for row in site.ledger.releases() if row["to_version"] == wish.version and row["kind"] == "canary"]
    assert len(found) <= 1, f"{wish} was accepted {len(found)} times"
    return found[0] if found else None


def _check(
    site: CrashSite, wish: CanaryWish, row: dict[str, Any], before: tuple[int, str], verdict: CanaryVerdict
) -> None:
    """The end is the one that was asked for, each share was reached once, and nothing is left."""
    generation, image = before
    faults, told = verdict.faults, f"{wish.service} {wish.version}"
    changes, runs = site.generation("stg", wish.service) - generation, site.image("stg", wish.service)
    expected = "Succeeded" if wish.is_promoted else "Aborted"
    if row["phase"] != expected:
        faults.append(f"{told} ended {row['phase']}, not {expected}: {row['body']['outcome']}")
    if changes != int(wish.is_promoted):
        faults.append(f"{told}: the stable Deployment was changed {changes} times")
    if runs != (wish.version if wish.is_promoted else image):
        faults.append(f"{told}: the stable Deployment runs {runs}")
    faults += [f"{told}: left {name}" for name in left_over(site)]
    audit = site.ledger.rows("SELECT phase, reason, at FROM audit WHERE release_id = ? ORDER BY seq", row["id"])
    told_reached = [entry["reason"].partition(": ")[2] for entry in audit if entry["phase"] == "result"]
    reached = [reason.split(",")[0] for reason in told_reached if reason.startswith("share ")]
    wanted = ["share 25 %", "share 50 %"][: len(wish.presses)]
    if reached != wanted:
        faults.append(f"{told}: reached {reached}, not {wanted}")
    aborted = [entry["at"] for entry in audit if entry["phase"] == "request"][1:]
    if not wish.is_promoted and aborted:
        verdict.slowest_abort_s = max(verdict.slowest_abort_s, (row["finished_at"] - aborted[-1]) / 1000)


def left_over(site: CrashSite) -> list[str]:
    """What a canary made and nobody took down: its objects, and references to them."""
    store = site.chat.sandbox.clusters["stg"].store
    made = [each for kind in (DEPLOYMENTS, SERVICES) for each in store.all_of(kind)]
    found = [f"{each['kind']} {each['metadata']['name']}" for each in made]
    for route in store.all_of(HTTP_ROUTES):
        found += [f"reference {ref['name']}" for rule in route["spec"]["rules"] for ref in rule["backendRefs"]]
    return [each for each in found if each.endswith("-canary")]
