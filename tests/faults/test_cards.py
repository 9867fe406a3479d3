"""Cards of releases with the worst of words: whatever they tell, Slack takes them."""

import json
import re
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards.answers import marked, note_card, refusal_card
from bot.cards.card import Card
from bot.cards.mrkdwn import esc
from bot.cards.release import release_card, trouble_note
from bot.domain.catalog import Target, WorkloadKind, WorkloadRef
from bot.domain.names import EnvironmentName, ReleaseId, ServiceName, UserId
from bot.domain.release import Outcome, Plan, Progress, Release, ReleaseKind, ReleasePhase
from bot.domain.rollout import PodTrouble
from bot.errors import UserError
from bot.sandbox.slack.blocks import LONGEST_TEXT, MOST_BLOCK_TEXT, message_faults, text_length

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SEEDS = st.integers(0, 2**32)
EXAMPLES = settings(max_examples=300, deadline=None)
BOMBS = (
    *("🧨" * 4000, "&" * 5000, "<!channel> " * 900, "`" * 4000, "```" * 2000, "*_~" * 2000, "\u202e" * 3000),
    *(
        "x" * 20_000,
        "<https://evil.example|Runbook>",
        ":tada:" * 1000,
        "\n" * 5000,
        "",
        " ",
        "𝔘" * 3000,
        "\x1b[31m\x00",
    ),
    *("&lt;!here&gt;", "1.4.2", "a plain word", "{who} {since}", "<@U0ALICE> <#C0STG>"),
)


class Words:
    """Worst words, by a seed: hypothesis draws the seed only, for the words are too long for it to shrink or show."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def word(self) -> str:
        if self.random.random() < 0.7:
            return self.random.choice(BOMBS)
        return "".join(chr(self.random.choice((38, 60, 62, 96, 42, 10, 0x1F525, 0x202E, 65))) for _ in range(2500))

    def trouble(self) -> PodTrouble:
        code = self.random.choice(["image_missing", "crash_loop", "quota", "unheard_of"])
        tail = tuple(self.word() for _ in range(self.random.randrange(20)))
        return PodTrouble(code, self.word(), self.word(), self.random.randrange(99), self.word(), self.word(), tail)

    def release(self) -> Release:
        random = self.random
        plan = Plan(
            kind=random.choice(list(ReleaseKind)),
            target=Target(EnvironmentName("stg"), ServiceName("a" * 63)),
            workload=WorkloadRef("admin", WorkloadKind.DEPLOYMENT, "admin"),
            container="admin",
            uid="u-1",
            from_image=self.word(),
            from_version=self.word(),
            to_image=self.word(),
            to_version=self.word(),
            origin=self.word(),
            checked=random.random() < 0.5,
        )
        return Release(
            id=ReleaseId("01JABCDEFGHJKMNPQRSTVWXYZ0"),
            request_key="k",
            plan=plan,
            plan_hash="0" * 64,
            phase=random.choice(list(ReleasePhase)),
            step=random.randrange(1, 10**6),
            row_version=1,
            requested_by=UserId("U0ALICE"),
            requested_at=NOW - timedelta(hours=30),
            approvals_needed=random.randrange(5),
            approved_by=tuple(UserId(random.choice(["U0BOB", "<!here>"])) for _ in range(random.randrange(4))),
            progress=random.choice([None, Progress(0, 0, 0), Progress(10**6, 3, 5)]),
            troubles=tuple(self.trouble() for _ in range(random.randrange(4))),
            outcome=random.choice([None, Outcome("odd", self.word(), self.word())]),
            notice=self.word(),
            abort_by=random.choice([None, UserId("U0BOB")]),
            expected_s=random.choice([None, 0.0, 10.0**7]),
        )


def refusals(card: Card) -> list[str]:
    """Why Slack would not take a card; none when it would."""
    body = json.loads(json.dumps(card.body()))
    found = [fault.line() for fault in message_faults(body["blocks"])]
    if text_length(body["blocks"]) > MOST_BLOCK_TEXT:
        found.append("msg_blocks_too_long")
    if len(body["text"]) > LONGEST_TEXT or not body["blocks"]:
        found.append("msg_too_long, or no_text")
    return found


def mentions(card: Card) -> list[str]:
    """What in a card would call people or lead somewhere: people's ids, channels and times are ours, no more."""
    told = [str(card.body()["text"])]

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("type") == "mrkdwn":  # plain_text shows every sign as it is
                told.append(value["text"])
            for part in value.values():
                walk(part)
        elif isinstance(value, list | tuple):
            for part in value:
                walk(part)

    walk(card.body()["blocks"])
    return [mark for text in told for mark in re.findall(r"<(?!@[UW][A-Z0-9]+>|#C[A-Z0-9]+>|!date\^)[^>]*>?", text)]


@EXAMPLES
@given(SEEDS)
def test_slack_takes_every_release_card(seed: int) -> None:
    card = release_card(Words(seed).release(), NOW)
    assert refusals(card) == []
    assert mentions(card) == []


@EXAMPLES
@given(SEEDS)
def test_slack_takes_every_note_of_a_trouble(seed: int) -> None:
    card = trouble_note(Words(seed).trouble())
    assert refusals(card) == []
    assert mentions(card) == []


@EXAMPLES
@given(SEEDS)
def test_slack_takes_every_refusal_and_notice(seed: int) -> None:
    words = Words(seed)
    refusal = UserError("odd", f"It is {words.word()}.", hint=words.word(), who=words.word(), since=NOW)
    for card in (refusal_card(refusal), note_card(esc(words.word())), note_card(marked(f"It is `{words.word()}`."))):
        assert refusals(card) == []
        assert mentions(card) == []
