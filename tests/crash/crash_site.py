"""The site of a crash: one world, a bot that dies in it, and what must hold there at the end."""

from dataclasses import dataclass
from typing import Any

from bot.sandbox.kube.images import tag_of
from bot.sandbox.kube.kinds import DEPLOYMENTS
from tests.chat import DEADLINE_S, GENERAL, OPS, PRD, STG, Chat, payload, plain
from tests.crash.bot_process import BotProcess, Ledger


@dataclass
class CrashSite:
    """One world, one bot that dies in it."""

    chat: Chat
    bot: BotProcess
    ledger: Ledger

    def generation(self, environment: str = "stg", service: str = "admin") -> int:
        """`metadata.generation` of a Deployment: each change of its spec adds one."""
        found = self.chat.sandbox.clusters[environment].store.get(DEPLOYMENTS, service, service)
        assert found is not None
        return int(found["metadata"]["generation"])

    def image(self, environment: str = "stg", service: str = "admin") -> str:
        """The version in a Deployment's template."""
        found = self.chat.sandbox.clusters[environment].store.get(DEPLOYMENTS, service, service)
        assert found is not None
        return tag_of(str(found["spec"]["template"]["spec"]["containers"][0]["image"]))

    def doubles(self) -> list[str]:
        """What stands in a channel or a thread twice: the same row of the outbox, or the same words in one place."""
        seen: set[Any] = set()
        twice = []
        for channel in (STG, PRD, GENERAL, OPS):
            for message in self.chat.messages(channel):
                if not message.get("bot_id"):
                    continue
                told = (message.get("metadata") or {}).get("event_payload") or {}
                mark = (channel, told.get("outbox_id"))
                words = (channel, message.get("thread_ts"), payload(message).get("release"), plain(message))
                if mark in seen or words in seen:
                    twice.append(plain(message))
                seen |= {mark, words}
        return twice

    async def calm(self, within_s: float = DEADLINE_S) -> None:
        """Until no row waits for work any more."""
        await self.chat.until(
            lambda: None if self.ledger.unfinished() else True,
            within_s,
            lambda: f"still waiting: {self.ledger.unfinished()}\n{self.bot.last_words()}",
        )

    async def check_promises(self, *, phase: str, audited: tuple[str, ...] = ("request", "intent", "result")) -> None:
        """What must hold at the end of one release: one card with the truth, nothing twice, nothing held, a chain."""
        await self.calm()
        (card,) = self.chat.cards()
        (release,) = self.ledger.releases()
        assert payload(card)["phase"] == release["phase"] == phase
        assert payload(card)["release"] == release["id"]
        assert self.doubles() == []
        assert self.ledger.dead_letters() == []
        assert self.ledger.held_locks() == []
        assert tuple(self.ledger.audit_phases(release["id"])) == audited
        assert await self.ledger.broken_chain() is None
