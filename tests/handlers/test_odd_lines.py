"""Whatever people type is answered, and never with "That failed on my side"."""

import asyncio
import sys
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import structlog
from sqlalchemy import func, select

from bot.store.tables import inbox, outbox
from tests.chat import OPS, PRD, STG, Chat, payload, plain

HEADS = ("/deploy", "/rollback", "/status", "/releases", "/kajitori", "/kajitori deploy", "/kajitori abort")
MENTIONS = ("<@U0KAJITORI>", "<@U0KAJITORI> deploy", "<@U0KAJITORI> status")
CHANNELS = (STG, PRD, OPS)
ODD = (
    *("stg", "prd", "admin", "web", "report", "STG", "ｗｅｂ", "stg:admin", "stg:web:2.3.0", "admn", "stag", "1.4.2"),
    *("9.9.9", "v1", "latest", "help", "HELP", "deploy", "/deploy", "abort", "kajitori", "@Kajitori", "undefined"),
    *(
        "<!channel>",
        "<!here>",
        "<@U0BOB>",
        "<#C0STG|x>",
        "<https://evil.example|Runbook>",
        "https://a.b/c",
        "&lt;",
        "&",
    ),
    *("; rm -rf /", "$(reboot)", "`id`", "--force", "-h", "-", "--", "../../etc/passwd", "/etc/passwd", "C:\\x", "%s"),
    *("{0.__class__}", "{who}", "{since}", "{{7*7}}", "' OR 1=1 --", "\\", '"', "“", "‘", "*", "_", "~", "|", "\x00"),
    *(
        "\x1b[31m",
        "\u202e",
        "\u200b",
        "\ufeff",
        "\u2028",
        "\u0301",
        "é",
        "ﷺ",
        "👩‍💻",
        ":tada:",
        "日本語",
        "١٢٣",
        "١",
        "½",
    ),
    *(
        "1e309",
        "NaN",
        "-1",
        "0x10",
        "1" * 400,
        "a" * 3000,
        ":" * 300,
        "a:" * 300,
        "=" * 50,
        "\t",
        "null",
        "None",
        "true",
    ),
)
LINES = 300


def odd_line(dice: Random, number: int) -> str:
    """A command, or now and then a mention, with up to five odd words, some of them glued together."""
    words = [dice.choice(ODD) for _ in range(dice.choice((0, 1, 1, 2, 2, 2, 3, 3, 4, 5)))]
    # Few mentions: Slack lets an app whisper once a second in a channel, and the bot keeps to that.
    head = dice.choice(MENTIONS if number % 12 == 0 else HEADS)
    return f"{head} {dice.choice((' ', ' ', ' ', '', ', ')).join(words)}"


@pytest.fixture
def reached() -> Iterator[list[str]]:
    """Programs that are started and files out of the catalogue that are opened, by anybody in this process."""
    found: list[str] = []
    watching = [True]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if not watching:
            return
        started = event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
        if started or (event == "open" and ("passwd" in str(args[0]) or ".." in str(args[0]))):
            found.append(f"{event} {args}")

    sys.addaudithook(hook)  # can't be taken out again, only told to look away
    yield found
    watching.clear()


async def test_three_hundred_odd_lines_are_all_answered(chat: Chat, reached: list[str]) -> None:
    dice = Random(20261123)
    lines = [odd_line(dice, number) for number in range(LINES)]
    gate = asyncio.Semaphore(8)

    async def type_one(number: int, line: str) -> None:
        async with gate:
            person = (chat.alice, chat.bob, chat.dave)[number % 3]
            answer = await person.says(line, channel=CHANNELS[number // 12 % 3])
            assert "failed on my side" not in answer, line
            assert "stumbled" not in answer, line

    with structlog.testing.capture_logs() as logged:
        async with asyncio.TaskGroup() as group:
            for number, line in enumerate(lines):
                group.create_task(type_one(number, line))
        await settled(chat)
    bad = [entry for entry in logged if entry["log_level"] in ("error", "critical")]
    assert bad == []
    assert reached == []
    assert list(chat.sandbox.slack.world.records.problems) == []
    said = [plain(message) for person in chat.people.values() for message in person.heard]
    said += [plain(message) for channel in CHANNELS for message in chat.messages(channel) if message.get("bot_id")]
    assert not [text for text in said if "failed on my side" in text]
    assert not [text for text in said if "<!" in text.replace("<!date", "")]
    await every_request_was_answered(chat)


async def settled(chat: Chat) -> None:
    """Until no request waits and no answer to one is on its way; cards of releases may move on."""
    assert chat.bot is not None
    for _ in range(1200):
        async with chat.bot.ctx.database.read() as connection:
            waiting = await connection.scalar(select(func.count()).select_from(inbox).where(inbox.c.state != "done"))
            kinds = outbox.c.kind != "card"
            unsent = select(func.count()).select_from(outbox).where(outbox.c.state != "sent", kinds)
            going = await connection.scalar(unsent)
            seen = await connection.scalar(select(func.count()).select_from(inbox))
        if seen and not waiting and not going:
            return
        await asyncio.sleep(0.05)
    async with chat.bot.ctx.database.read() as connection:
        found = select(outbox.c.kind, outbox.c.state, outbox.c.error, outbox.c.channel).where(outbox.c.state != "sent")
        late = sorted(map(str, (await connection.execute(found)).all()))
    raise AssertionError(f"{waiting} requests wait, {going} answers are not sent: {late}")


async def every_request_was_answered(chat: Chat) -> None:
    """Each row has an answer: at once, in words, as a form, or as the card of the release that it made."""
    assert chat.bot is not None
    async with chat.bot.ctx.database.read() as connection:
        rows = (await connection.execute(select(inbox.c.key, inbox.c.payload, inbox.c.outcome))).all()
    assert len(rows) >= LINES
    forms = sum(len(person.forms) for person in chat.people.values())
    silent = [row for row in rows if not row.outcome]
    cards = [card for card in chat.cards() if payload(card)]
    assert len(silent) <= forms + len(cards), [row.payload["words"] for row in silent]
