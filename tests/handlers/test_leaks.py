"""What goes wrong inside stays inside: a reference for the person, the details for the log, secrets for nobody."""

from pathlib import Path

import structlog

from bot.domain.catalog import Role
from bot.domain.names import Version
from bot.errors import Conflict, NotFound, Refused, TooBusy, Unreachable
from bot.router import Call, Reply, Router
from tests.chat import DEADLINE_S, STG, open_chat, plain

CANARY = "password=canary-hunter2"
OURS: list[Exception] = [
    kind(f"in {place}: {CANARY}")
    for kind, place in (
        (ValueError, "/home/kajitori/bot/secret.py"),
        (KeyError, "a dictionary"),
        (TypeError, "an argument"),
        (RuntimeError, "a loop"),
        (OSError, "a file"),
        (PermissionError, "a folder"),
        (ConnectionResetError, "a socket"),
        (UnicodeError, "a text"),
        (ArithmeticError, "a sum"),
        (IndexError, "a list"),
        (AttributeError, "an object"),
        (LookupError, "a table"),
        (NotImplementedError, "a method"),
        (RecursionError, "a tree"),
        (AssertionError, "a promise"),
    )
]
THEIRS: list[Exception] = [
    Refused("stg's API server", f"admission webhook denied it: {CANARY}", code="Forbidden"),
    Unreachable("Datadog", f"HTTP 500: {CANARY}"),
    NotFound("the registry", CANARY),
    Conflict("prd's API server", CANARY),
    TooBusy("Slack", CANARY, retry_after_s=1),
]
RAISED = [*OURS, *THEIRS]
router = Router()


@router.command("/break", role=Role.ANYONE, slash=False)
async def break_it(call: Call, version: Version) -> Reply:
    """Raise what the number says."""
    raise RAISED[int(version)]


async def test_whatever_is_raised_while_somebody_waits_tells_them_no_secret_and_no_inside(tmp_path: Path) -> None:
    assert len(RAISED) == 20
    async with open_chat(tmp_path, handlers=router) as chat:
        with structlog.testing.capture_logs() as logged:
            for number in range(len(RAISED)):
                await chat.alice.says(f"/kajitori break {number}")
            await chat.until(
                lambda: len(chat.alice.heard) >= len(RAISED) or None,
                DEADLINE_S,
                lambda: f"heard {[plain(message) for message in chat.alice.heard]}",
            )
        said = [plain(message) for message in [*chat.alice.heard, *chat.messages(STG)]]
        said += [str(message.get("text")) for message in chat.alice.heard]
        assert not [text for text in said if "canary" in text or "Traceback" in text or "/bot/" in text]
        ours = [text for text in map(plain, chat.alice.heard) if "failed on my side (reference" in text]
        theirs = [text for text in map(plain, chat.alice.heard) if "Nothing was started" in text]
        assert (len(ours), len(theirs)) == (len(OURS), len(THEIRS))
        references = {entry["reference"] for entry in logged if entry["event"] == "request.failed"}
        assert len(references) == len(OURS)
        assert all(any(reference in text for text in ours) for reference in references)
