"""The corpus of secrets on its way to people: through log tails, cards, refusals, the audit trail and the log."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from sqlalchemy import select

from bot import logs
from bot.cards.answers import outside_card
from bot.cards.logs import logs_card
from bot.cards.pod import story_card, story_note
from bot.cards.release import release_card, trouble_note
from bot.domain.redaction import redact
from bot.domain.rollout import PodTrouble
from bot.errors import NotFound, Refused
from bot.kube.answers import Answer, fail
from bot.kube.logs import LINES, log_tail
from bot.kube.sights import event_sight, pod_sight
from bot.kube.workloads import last_words
from bot.store import audit
from bot.store.db import Database
from bot.store.migrate import migrate
from bot.store.tables import audit as rows
from tests.domain.release_worlds import NOW, release
from tests.domain.story_worlds import story
from tests.domain.test_redaction import SECRET, SECRET_LINES

LEAKED = [SECRET.sub(r"\1", line) for line in SECRET_LINES]
"""Each line as an application writes it."""


def must_hide(shown: object, lines: Iterable[str] = SECRET_LINES) -> None:
    """Nothing of any secret of these lines is in what is shown; short ones, and mere words, may stand there anyway."""
    text = json.dumps(shown, ensure_ascii=False, default=str).replace(r"\"", '"')
    leaks = [
        (line, part)
        for line in lines
        for secret in SECRET.findall(line)
        for part in [secret, *re.findall(r"[A-Za-z0-9]{8,}", secret)]
        if len(part) >= 6 and not part.isalpha() and part in text.replace("redacted", "")
    ]
    assert leaks == []


class LoudCluster:
    """A cluster whose containers write secrets. Answers for logs only."""

    name = "stg"

    def __init__(self, lines: list[str]) -> None:
        self._log = "\n".join(lines)

    async def text(self, path: str, **query: object) -> str:
        return self._log


def portions(size: int) -> list[slice]:
    return [slice(begin, begin + size) for begin in range(0, len(LEAKED), size)]


@pytest.mark.parametrize("portion", portions(LINES), ids=lambda portion: f"from {portion.start}")
async def test_no_log_tail_shows_a_secret_on_any_card(portion: slice) -> None:
    cluster = cast(Any, LoudCluster(LEAKED[portion]))
    tail = await log_tail(cluster, "admin", "admin-1", "admin", previous=True)
    assert len(tail.lines) >= len(LEAKED[portion]) - 5
    words = await last_words(cluster, "admin", "admin-1", "admin", lines=LINES)
    trouble = PodTrouble("crash_loop", "It ends.", "Look at its log.", 1, "admin-1", "admin", words)
    pods = story(log_tail=words)
    cards = [
        logs_card(tail, "admin"),
        trouble_note(trouble),
        release_card(release(troubles=(trouble,)), NOW),
        story_card(pods, NOW),
        story_note(pods),
    ]
    must_hide([tail.lines, words, *(card.body() for card in cards)], SECRET_LINES[portion])


def test_what_a_cluster_says_of_its_pods_is_kept_without_secrets() -> None:
    """A container that is to tell its end by its log (`FallbackToLogsOnError`) has log lines in its status."""
    for line, leaked in zip(SECRET_LINES, LEAKED, strict=True):
        ended = {"exitCode": 1, "reason": "Error", "message": leaked, "finishedAt": "2026-11-23T09:00:00Z"}
        waiting = {"reason": "CrashLoopBackOff", "message": leaked}
        status = {"name": "admin", "state": {"waiting": waiting}, "lastState": {"terminated": ended}, "restartCount": 2}
        pod = {
            "metadata": {"name": "a", "namespace": "admin", "uid": "1", "creationTimestamp": "2026-11-23T08:00:00Z"},
            "spec": {"containers": [{"name": "admin"}]},
            "status": {"phase": "Running", "message": leaked, "containerStatuses": [status]},
        }
        event = {
            "metadata": {"name": "e", "namespace": "admin", "uid": "2"},
            "involvedObject": {"kind": "Pod", "name": "a", "namespace": "admin", "uid": "1"},
            "reason": "Unhealthy",
            "message": leaked,
            "lastTimestamp": "2026-11-23T09:00:00Z",
        }
        must_hide([repr(pod_sight(pod)), repr(event_sight(event))], [line])


def test_no_refusal_of_a_cluster_shows_a_secret() -> None:
    for line, leaked in zip(SECRET_LINES, LEAKED, strict=True):
        body = json.dumps({"kind": "Status", "reason": "Invalid", "message": leaked})
        with pytest.raises(Refused) as refused:
            fail("stg's API server", Answer(422, {}, body.encode()))
        with pytest.raises(NotFound) as absent:
            fail("stg's API server", Answer(404, {}, leaked.encode()))
        must_hide([refused.value.text, absent.value.text, outside_card(refused.value).body()], [line])


def test_no_refusal_of_anything_outside_shows_a_secret() -> None:
    for line, leaked in zip(SECRET_LINES, LEAKED, strict=True):
        must_hide(outside_card(Refused("Slack", leaked)).body(), [line])


async def test_the_audit_trail_keeps_no_secret_that_somebody_gave_as_a_reason(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'kajitori.db'}", patience_s=60.0)
    try:
        await migrate(database)
        async with database.write() as connection:
            for number, leaked in enumerate(LEAKED):
                at = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
                entry = audit.Entry(at, "U0ALICE", "lock", "stg/admin", audit.AuditPhase.REQUEST, leaked)
                await audit.append(connection, entry)
                typed = f"stg/admin/{number}/{leaked}"
                await audit.append(connection, audit.refused(at, "U0ALICE", "lock", typed, "lock_too_long"))
        async with database.read() as connection:
            kept = (await connection.execute(select(rows.c.target, rows.c.reason))).all()
            assert (await audit.verify(connection))[1] is None
        assert len(kept) == 2 * len(LEAKED)
        must_hide([tuple(row) for row in kept])
    finally:
        await database.close()


def test_no_line_of_the_log_holds_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure("DEBUG", redact=redact)
    try:
        for leaked in LEAKED:
            structlog.get_logger().warning("outside.failed", error=leaked, nested={"said": [leaked]})
            logging.getLogger("aiohttp.client").error("failed: %s", leaked)
            try:
                raise RuntimeError(leaked)
            except RuntimeError:
                structlog.get_logger().exception("request.failed")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(lines) == 3 * len(LEAKED)
    for number, (line, _) in enumerate(zip(SECRET_LINES, LEAKED, strict=True)):
        must_hide(lines[3 * number : 3 * number + 3], [line])
