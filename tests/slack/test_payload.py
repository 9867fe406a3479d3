"""Slack's payloads: one key for one deed, however often it is delivered, and the time that it happened."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inbound.inbound import InboundKind
from bot.inbound.slack.payload import (
    Malformed,
    from_envelope,
    from_event,
    from_interaction,
    from_slash,
    require_shallow,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SIGNED = datetime(2026, 11, 23, 11, 59, tzinfo=UTC)
CLICK = {
    "type": "block_actions",
    "team": {"id": "T1", "domain": "growlio"},
    "user": {"id": "U1", "team_id": "T1"},
    "channel": {"id": "C1", "name": "deploys"},
    "container": {"type": "message", "message_ts": "1700000000.000100", "channel_id": "C1"},
    "actions": [{"action_id": "release.abort", "action_ts": "1700000042.250000", "type": "button", "value": "x"}],
    "trigger_id": "1.2.3",
}


def test_a_click_is_named_by_team_channel_message_button_time_and_person() -> None:
    inbound = from_interaction(CLICK, received_at=NOW, signed_at=SIGNED)
    assert inbound.kind is InboundKind.ACTION
    assert inbound.key == "act:T1:C1:1700000000.000100:release.abort:1700000042.250000:U1"
    assert inbound.happened_at == datetime.fromtimestamp(1700000042.25, UTC)


@pytest.mark.parametrize(
    "change",
    [
        {"user": {"id": "U2"}},
        {"channel": {"id": "C2"}},
        {"container": {"message_ts": "1700000001.000100"}},
        {"actions": [{"action_id": "release.abort", "action_ts": "1700000043.000000"}]},
        {"actions": [{"action_id": "release.retry", "action_ts": "1700000042.250000"}]},
        {"team": {"id": "T2"}},
    ],
)
def test_another_click_has_another_key(change) -> None:
    assert from_interaction(CLICK | change, received_at=NOW).key != from_interaction(CLICK, received_at=NOW).key


def test_a_click_in_a_form_is_named_by_its_view() -> None:
    click = CLICK | {"container": {"type": "view", "view_id": "V1"}, "channel": None}
    assert from_interaction(click, received_at=NOW).key == "act:T1::V1:release.abort:1700000042.250000:U1"


def test_an_organisation_wide_click_takes_the_persons_team() -> None:
    assert from_interaction(CLICK | {"team": None}, received_at=NOW).key.startswith("act:T1:")


def test_a_form_is_named_by_view_and_hash_and_has_only_the_signed_time() -> None:
    form = {"type": "view_submission", "view": {"id": "V1", "hash": "h1"}, "user": {"id": "U1"}}
    submitted = from_interaction(form, received_at=NOW, signed_at=SIGNED)
    assert (submitted.kind, submitted.key, submitted.happened_at) == (InboundKind.VIEW, "view:V1:h1", SIGNED)
    assert from_interaction(form | {"type": "view_closed"}, received_at=NOW).key != submitted.key


def test_a_shortcut_is_an_action() -> None:
    shortcut = {
        "type": "message_action",
        "callback_id": "ack",
        "action_ts": "1700000042.5",
        "team": {"id": "T1"},
        "user": {"id": "U1"},
        "trigger_id": "1.2.3",
    }
    inbound = from_interaction(shortcut, received_at=NOW)
    assert (inbound.kind, inbound.key) == (InboundKind.ACTION, "act:T1:::ack:1700000042.5:U1")


def test_a_retried_event_keeps_its_key_and_the_time_of_the_event() -> None:
    event = {"type": "event_callback", "event_id": "Ev1", "event_time": 1700000000, "event": {"type": "app_mention"}}
    inbound = from_event(event, received_at=NOW, signed_at=SIGNED)
    assert (inbound.key, inbound.happened_at) == ("evt:Ev1", datetime.fromtimestamp(1700000000, UTC))


def test_a_rate_limit_notice_has_no_event_id_and_is_taken_all_the_same() -> None:
    notice = {"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1518467820}
    assert from_event(notice, received_at=NOW).key == "evt:app_rate_limited:T1:1518467820"


def test_a_slash_command_over_a_socket_has_no_time() -> None:
    form = {"team_id": "T1", "trigger_id": "1.2.3", "command": "/deploy"}
    envelope = {"type": "slash_commands", "envelope_id": "e1", "payload": form}
    assert from_envelope(envelope, received_at=NOW).happened_at is None
    assert from_slash(form, received_at=NOW, signed_at=SIGNED).happened_at == SIGNED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
FIELDS = ["type", "team", "user", "channel", "container", "actions", "view", "event", "event_id", "event_time"]


@given(
    st.sampled_from(["slash_commands", "interactive", "events_api", "hello there"]),
    st.dictionaries(st.sampled_from([*FIELDS, "trigger_id", "team_id", "action_ts"]), JSON, max_size=8),
    st.sampled_from(["block_actions", "view_submission", "shortcut", "event_callback", "app_rate_limited", None]),
)
def test_no_payload_raises_anything_but_malformed(kind, payload, inner_type) -> None:
    envelope = {"type": kind, "envelope_id": "e1", "payload": payload | {"type": inner_type}}
    try:
        inbound = from_envelope(envelope, received_at=NOW)
    except Malformed:
        return
    assert inbound.key.split(":")[0] in ("slash", "act", "view", "evt")


@pytest.mark.parametrize("depth", [51, 200, 900])
def test_deep_nesting_is_refused(depth: int) -> None:
    with pytest.raises(Malformed):
        require_shallow(orjson.loads(b"[" * depth + b"]" * depth))


def test_what_slack_nests_is_not_too_deep() -> None:
    require_shallow(CLICK)
    require_shallow(orjson.loads(b"[" * 50 + b"]" * 50))
