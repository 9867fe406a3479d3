"""What of Slack's payloads is a request at all, and whose."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.inbound.inbound import Inbound, InboundKind
from bot.inbound.slack.requests import request_of
from bot.router.call import Source

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SAID: dict[str, Any] = {
    "type": "app_mention",
    "user": "U0ALICE",
    "text": "<@U0KAJITORI> deploy stg admin 1.4.2",
    "channel": "C0STG",
    "ts": "1.000001",
    "team": "T1",
}


def event(**changes: Any) -> Inbound:
    payload = {"team_id": "T1", "event": {**SAID, **changes}}
    return Inbound(InboundKind.EVENT, "evt:1", None, payload, NOW, NOW)


def test_a_mention_is_a_request_of_who_said_it() -> None:
    asked = request_of(event())
    assert asked is not None
    assert (asked.source, asked.name, asked.words, asked.actor) == (
        Source.MENTION,
        "deploy",
        ("stg", "admin", "1.4.2"),
        "U0ALICE",
    )


@pytest.mark.parametrize("subtype", ["thread_broadcast", "file_share"])
def test_a_mention_with_a_file_or_also_sent_to_the_channel_is_one_too(subtype: str) -> None:
    assert request_of(event(subtype=subtype)) == request_of(event())


@pytest.mark.parametrize(
    "changes",
    [
        {"edited": {"user": "U0ALICE", "ts": "2.000001"}},
        {"type": "message", "subtype": "message_changed", "message": SAID, "previous_message": SAID},
        {"subtype": "message_changed"},
        {"type": "message"},
        {"type": "message", "subtype": "message_deleted"},
        {"bot_id": "B1"},
        {"subtype": "bot_message"},
        {"user": ""},
        {"user": None},
        {"type": "reaction_added"},
    ],
    ids=str,
)
def test_edits_deletions_and_what_bots_say_are_no_requests(changes: dict[str, Any]) -> None:
    assert request_of(event(**changes)) is None


@pytest.mark.parametrize("name", ["<@U0BOB>", "Bob Builder", "bob", "<!subteam^S0LEADS>", "U0BOB"])
def test_a_name_in_the_payload_does_not_say_who_asks(name: str) -> None:
    """Names and pictures are whatever people choose: only the id counts."""
    payload = {
        "command": "/deploy",
        "text": "stg admin 1.4.2",
        "user_id": "U0DAVE",
        "user_name": name,
        "team_id": "T1",
        "channel_id": "C0STG",
        "channel_name": name,
    }
    asked = request_of(Inbound(InboundKind.SLASH, "slash:1", None, payload, None, NOW))
    assert asked is not None
    assert asked.actor == "U0DAVE"
    assert name not in str(asked.kept() | {"channel_name": ""})
    button = {
        "type": "block_actions",
        "user": {"id": "U0DAVE", "name": name, "username": name, "team_id": "T1"},
        "channel": {"id": "C0STG"},
        "container": {"message_ts": "1.000001", "channel_id": "C0STG"},
        "actions": [{"action_id": "release.approve", "value": "01K:1", "type": "button"}],
    }
    pressed = request_of(Inbound(InboundKind.ACTION, "act:1", None, button, None, NOW))
    assert pressed is not None
    assert pressed.actor == "U0DAVE"
    assert name not in str(pressed.kept())
