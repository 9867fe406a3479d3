"""Torture: releases at four targets at once, and for each of them a kill -9 of the bot at a random moment.

Run in a short form by the tests and in a long one by `make torture`. Every choice comes from a seed: what is released,
what is aborted, and how long after each command the bot is killed; how far the bot has come by then is chance.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from bot.sandbox.kube import Options
from bot.sandbox.slack.pace import Timing
from tests.chat import PRD, STG, Chat, Person, open_chat, payload
from tests.crash.bot_process import BotProcess, Ledger
from tests.crash.crash_site import CrashSite

TARGETS = (("stg", "admin"), ("stg", "web"), ("prd", "admin"), ("prd", "web"))
LONGEST_KILL_DELAY_S = 4.0
RELEASE_DEADLINE_S = 120.0
TIMING = Timing(resend_s=1.0, command_life_s=6.0)
CHANNELS = {"stg": STG, "prd": PRD}


@dataclass(frozen=True, slots=True)
class Wish:
    """A release to ask for: its version (its name tells the simulated cluster how it behaves), and how it shall end."""

    environment: str
    service: str
    version: str
    expected: str
    kill_after_s: float

    @property
    def aborts(self) -> bool:
        return self.expected == "Aborted"


@dataclass(slots=True)
class Verdict:
    """What was counted at the end. `faults` is empty when every promise held."""

    seed: int
    releases: int = 0
    kills: int = 0
    phases: dict[str, int] = field(default_factory=dict)
    bumps: int = 0
    expected_bumps: int = 0
    doubles: int = 0
    lost: int = 0
    audit: str = ""
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people."""
        phases = ", ".join(f"{count} {phase}" for phase, count in sorted(self.phases.items()))
        return [
            f"releases      {self.releases}: {phases}",
            f"kills         {self.kills}",
            f"generations   {self.bumps} bumps, {self.expected_bumps} expected",
            f"messages      {self.doubles} twice, {self.lost} lost",
            f"audit         {self.audit}",
            f"took          {self.seconds:.0f} s",
            *(f"FAULT         {fault}" for fault in self.faults),
            f"seed          {self.seed}",
        ]


def wishes(seed: int, releases: int) -> dict[tuple[str, str], list[Wish]]:
    """What is asked for at each target, in order; `releases` in all."""
    random = Random(seed)
    asked: dict[tuple[str, str], list[Wish]] = {target: [] for target in TARGETS}
    for number in range(releases):
        environment, service = TARGETS[number % len(TARGETS)]
        suffix, expected = random.choices(
            [("", "Succeeded"), ("-broken", "Failed"), ("-unready", "Aborted"), ("-slow", "Succeeded")], [5, 2, 2, 1]
        )[0]
        delay_s = random.uniform(0, LONGEST_KILL_DELAY_S)
        wish = Wish(environment, service, f"5.0.{number}{suffix}", expected, delay_s)
        asked[environment, service].append(wish)
    return asked


async def torture(folder: Path, *, releases: int, seed: int, say: Callable[[str], None] = lambda line: None) -> Verdict:
    """Run it, and judge."""
    begun = time.monotonic()
    verdict = Verdict(seed)
    async with open_chat(folder, with_bot=False, timing=TIMING, cluster_options=Options(speed=3.0, seed=seed)) as chat:
        bot = BotProcess(chat.sandbox)
        site = CrashSite(chat, bot, Ledger(folder))
        run = _Run(site, verdict, say)
        try:
            await bot.start()
            plan = wishes(seed, releases)
            async with asyncio.TaskGroup() as group:
                for target, asked in plan.items():
                    group.create_task(run.at_target(target, asked))
            await bot.connected()  # the last kill may have come when all was over, and its next life has just begun
            await site.calm(60)
            await run.judge(plan)
            await bot.terminate(25)
        finally:
            await bot.kill()
    verdict.seconds = time.monotonic() - begun
    return verdict


class _Run:
    """One torture: workers that ask, and kills that they order."""

    def __init__(self, site: CrashSite, verdict: Verdict, say: Callable[[str], None]) -> None:
        self._site = site
        self._chat: Chat = site.chat
        self._verdict = verdict
        self._say = say
        self._reviving = asyncio.Lock()

    async def at_target(self, target: tuple[str, str], asked: list[Wish]) -> None:
        """Ask for one release after the other, each with its kill."""
        for wish in asked:
            self._chat.sandbox.registry.publish(f"growlio/{wish.service}", wish.version)
            before = self._site.generation(*target), self._site.image(*target)
            killing = asyncio.create_task(self._kill_after(wish.kill_after_s))
            try:
                async with asyncio.timeout(RELEASE_DEADLINE_S):
                    release = await self._carry(wish)
                    await killing
            except TimeoutError:
                raise AssertionError(
                    f"{wish} had no end within {RELEASE_DEADLINE_S:g} s: {self._release(wish)}\n"
                    f"{self._site.bot.last_words()}"
                ) from None
            finally:
                killing.cancel()
            self._check(wish, release, *before)
            self._say(f"{wish.environment}/{wish.service} {wish.version}: {release['phase']}")

    async def _kill_after(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        async with self._reviving:
            await self._site.bot.kill()
            self._verdict.kills += 1
            await self._site.bot.start(ready=False)

    async def _carry(self, wish: Wish) -> dict[str, Any]:
        """Ask, approve, abort, each until it has come through; the release when it is over."""
        await self._insist(self._chat.alice, f"/deploy {wish.environment} {wish.service} {wish.version}", wish)
        while True:
            release = self._release(wish)
            assert release is not None, wish
            if release["finished_at"] is not None:
                return release
            if release["phase"] == "AwaitingApproval":
                await self._press("Approve", wish)
            elif wish.aborts and release["body"]["abort_by"] is None and release["phase"] == "Progressing":
                await self._press("Abort", wish)
            await asyncio.sleep(0.1)

    async def _insist(self, person: Person, line: str, wish: Wish) -> None:
        """Type a command until it is accepted; nothing but its own release tells that it was."""
        while self._release(wish) is None:
            try:
                await person.says(line, channel=CHANNELS[wish.environment])
            except AssertionError as error:
                if "dispatch_failed" not in str(error) and "operation_timeout" not in str(error):
                    raise
            # Slack sends it again for a while by itself, and a killed bot goes on with what it had acknowledged.
            patience = time.monotonic() + TIMING.command_life_s + 2
            while self._release(wish) is None and time.monotonic() < patience:
                if not self._site.ledger.unfinished().get("inbox") and not self._chat.sandbox.slack.sockets.waiting:
                    break
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.05)

    async def _press(self, label: str, wish: Wish) -> None:
        """Press a button once, if its card is there and the bot too; the caller looks and tries again."""
        for card in reversed(self._chat.cards(CHANNELS[wish.environment])):
            if payload(card).get("to_version") == wish.version:
                try:
                    await self._chat.bob.presses(label, card)
                except AssertionError:
                    return  # the card has moved on, or nobody was there to hear it
                return

    def _release(self, wish: Wish) -> dict[str, Any] | None:
        found = [row for row in self._site.ledger.releases() if row["to_version"] == wish.version]
        assert len(found) <= 1, f"{wish} was accepted {len(found)} times"
        return found[0] if found else None

    def _check(self, wish: Wish, release: dict[str, Any], generation: int, image: str) -> None:
        """Whether the end is the one that the cluster shows, with one write, or two for an abort."""
        target = (wish.environment, wish.service)
        verdict, phase = self._verdict, str(release["phase"])
        verdict.releases += 1
        verdict.phases[phase] = verdict.phases.get(phase, 0) + 1
        bumps = self._site.generation(*target) - generation
        written = release["body"]["generation"] is not None
        expected = 1 + wish.aborts if written else 0
        verdict.bumps += bumps
        verdict.expected_bumps += expected
        if phase != wish.expected:
            verdict.faults.append(f"{wish.version} ended {phase}, not {wish.expected}: {release['body']['outcome']}")
        if bumps != expected:
            verdict.faults.append(f"{wish.version}: {bumps} generation bumps, not {expected}")
        truth = image if wish.aborts else wish.version
        if self._site.image(*target) != truth:
            verdict.faults.append(f"{wish.version}: the cluster runs {self._site.image(*target)}, not {truth}")

    async def judge(self, plan: dict[tuple[str, str], list[Wish]]) -> None:
        """Messages, locks and the audit trail, when all is quiet."""
        site, verdict = self._site, self._verdict
        doubles = site.doubles()
        verdict.doubles = len(doubles)
        verdict.faults += [f"twice: {words!r}" for words in doubles]
        told = {payload(card)["release"]: payload(card)["phase"] for card in self._chat.cards()}
        for release in site.ledger.releases():
            if told.get(release["id"]) != release["phase"]:
                verdict.lost += 1
                verdict.faults.append(f"{release['to_version']} is {release['phase']}, told {told.get(release['id'])}")
            phases = site.ledger.audit_phases(release["id"])
            written = release["body"]["generation"] is not None
            if written and (phases[0], phases[-1], phases.count("intent")) != ("request", "result", 1):
                verdict.faults.append(f"{release['to_version']}: audited as {phases}")
        dead = site.ledger.dead_letters()
        verdict.lost += len(dead)
        verdict.faults += [f"never said: {row['error']}" for row in dead]
        verdict.faults += [f"still locked: {target}" for target in site.ledger.held_locks()]
        if len(self._chat.cards()) != sum(map(len, plan.values())):
            verdict.faults.append(f"{len(self._chat.cards())} cards")
        broken = await site.ledger.broken_chain()
        rows = site.ledger.rows("SELECT count(*) AS n FROM audit")[0]["n"]
        verdict.audit = f"{rows} rows, " + ("the chain holds" if broken is None else f"BROKEN: {broken.text}")
        if broken is not None:
            verdict.faults.append(f"audit: {broken.text}")
