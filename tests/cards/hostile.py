"""Text that wants to be more than text, releases full of it, and a reader that finds what became markup."""

import re
import unicodedata
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import strategies as st

from bot.domain.catalog import Target, WorkloadKind, WorkloadRef
from bot.domain.names import EnvironmentName, ServiceName, UserId
from bot.domain.release import Outcome, Progress, Release, ReleaseKind, ReleasePhase
from bot.domain.rollout import PodTrouble
from bot.sandbox.slack.blocks import MOST_BLOCK_TEXT, message_faults, text_length
from tests.domain.release_worlds import NOW, plan, release

CORPUS = (
    "<!channel>",
    "<!here>",
    "<!everyone>",
    "<!subteam^S1>",
    "<!subteam^S1|@leads>",
    "<@U1>",
    "<@U0ALICE>",
    "<#C0STG>",
    "<#C0STG|deploys>",
    "<https://evil.example|Runbook>",
    "<https://evil.example>",
    "<mailto:root@evil.example|Mail>",
    "<!date^0^{date}^https://evil.example|now>",
    "https://evil.example/?q=1",
    "evil.example",
    "*bold*",
    "_it_ ~gone~",
    "`code`",
    "```pre```",
    "a `<!channel>` b",
    "`` ` <@U1> ` ``",
    "```\n<!here>\n```",
    ":rotating_light:",
    ":tada:" * 400,
    "\u202egnp.exe",
    "\u2066\u2069\u200b\u200d\ufeffadmin",
    "&lt;!channel&gt;",
    "&amp;lt;!channel&amp;gt;",
    "<" * 3000,
    ">" * 3000,
    "&" * 3000,
    "`" * 3000,
    "*" * 3000,
    "x" * 20_000,
    "é" * 20_000,
    "👩‍💻" * 5000,
    "line\n" * 4000,
    "\x1b[31mred\x1b[0m",
    "\x00\x07\x08",
    "{who} {since} {0.__class__} {{x}} %s $HOME",
    "'; DROP TABLE releases; --",
    "<",
    ">",
    "|",
    "",
    " ",
    "\n",
)
_NO_HALVES = st.characters(exclude_categories=["Cs"])
hostile = st.sampled_from(CORPUS) | st.text(_NO_HALVES, max_size=40)
hostile |= st.lists(st.sampled_from(CORPUS) | st.text(_NO_HALVES, max_size=10), max_size=4).map("".join)

_OURS = re.compile(r"@[UW][A-Z0-9]+|#[CG][A-Z0-9]+|!date\^\d+\^\{(?:time|date_short_pretty\} \{time)\}\|[\d :UTC-]+")
_FORGED = re.compile(r"<[^<>]*>")


def hostile_release(seed: int) -> Release:
    """A release in some phase, each text of which is hostile; ids are such as we and Slack make.

    By a seed, for the words are too long for hypothesis to draw, shrink and show.
    """
    dice = Random(seed)

    def word() -> str:
        if dice.random() < 0.5:
            return dice.choice(CORPUS)
        return "".join(dice.choice("<>&`*_~@!#|:/ \n\u202ea1") for _ in range(dice.choice((3, 30, 1500))))

    def person() -> UserId:
        return UserId(dice.choice(["U0ALICE", "U0BOB", "W0CAROL"]))

    def trouble() -> PodTrouble:
        tail = tuple(word() for _ in range(dice.randrange(4)))
        code = dice.choice(["crash_loop", "image_missing", "unheard_of"])
        return PodTrouble(code, f"It fails: {word()}", word(), dice.randrange(9), word(), word(), tail)

    wanted = plan(
        **{name: word() for name in ("from_version", "to_version", "origin", "from_image", "to_image", "container")},
        kind=dice.choice(list(ReleaseKind)),
        target=Target(EnvironmentName(word()), ServiceName(word())),
        workload=WorkloadRef(word(), WorkloadKind.DEPLOYMENT, word()),
        checked=dice.random() < 0.5,
    )
    return release(
        wanted,
        phase=dice.choice(list(ReleasePhase)),
        requested_by=person(),
        approvals_needed=2,
        approved_by=tuple(person() for _ in range(dice.randrange(3))),
        abort_by=dice.choice([None, person()]),
        notice=word(),
        troubles=tuple(trouble() for _ in range(dice.randrange(4))),
        outcome=dice.choice([None, Outcome(dice.choice(["quota", "odd"]), word(), word())]),
        progress=dice.choice([None, Progress(dice.randrange(4), dice.randrange(4), dice.randrange(4))]),
        expected_s=dice.choice([None, 61.5]),
        finished_at=dice.choice([None, NOW]),
    )


hostile_releases = st.integers(0, 2**32).map(hostile_release)


def must_be_fit_to_send(body: dict[str, Any]) -> None:
    """What Slack takes, within our own limits, with nothing active in it but what we wrote."""
    assert message_faults(body["blocks"]) == []
    assert len(body["blocks"]) <= 45
    assert text_length(body["blocks"]) <= MOST_BLOCK_TEXT - 1000
    assert body["text"].strip(), "a screen reader would read nothing"
    assert len(body["text"]) <= 3000
    must_be_inert(body["text"])
    for text in _texts(body["blocks"], "mrkdwn"):
        must_be_inert(text)
    for text in _texts(body["blocks"], "plain_text"):
        assert not _unseen(text), repr(text)


def must_be_inert(text: str) -> None:
    """No mention, link or broadcast but ours, and nothing invisible but the mark that breaks formatting."""
    for token in _FORGED.findall(text):
        assert _OURS.fullmatch(token[1:-1]), f"{token!r} in {text[:500]!r}"
    assert not _unseen(text.replace("\u200b", "")), repr(text[:500])


def _unseen(text: str) -> str:
    return "".join(c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs"))


def _texts(value: Any, kind: str) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part, kind)
    elif isinstance(value, dict):
        if value.get("type") == kind:
            yield value["text"]
        for part in value.values():
            yield from _texts(part, kind)
