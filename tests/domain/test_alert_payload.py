"""Webhooks are read whatever people wrote into their monitors, and never raise."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.datadog.template import PAYLOAD
from bot.domain.alert import AlertEvent, Transition
from bot.domain.alert.payload import DEEPEST, delivery_key, is_too_deep, read_webhook

NOW_MS = 1_795_400_000_000
TOLD = {
    "id": "8031",
    "cycle": "778899",
    "monitor": "42",
    "transition": "Triggered",
    "type": "error",
    "priority": "P2",
    "date": str(NOW_MS - 5000),
    "scope": "service:web, env:prd",
    "tags": "env:prd,monitor,service:web,team:shop",
    "title": "[Triggered on {service:web}] p99 latency is high",
    "status": "latency over service:web was > 0.3 during the last 60s. Value: 0.46s",
    "link": "https://app.datadoghq.com/monitors/42",
    "text": "See https://app.datadoghq.com/dashboard/abc first.\nRunbook: https://wiki.example.com/web "
    "@webhook-kajitori",
}


def body(**changes: str) -> str:
    """As Datadog writes our template: what has no value stays as the variable."""
    told = TOLD | changes
    return json.dumps({name: told.get(name, variable) for name, variable in PAYLOAD.items()})


def pasted(**changes: str) -> str:
    """A template into which texts were put as they are, quotes and line breaks and all."""
    told = TOLD | changes
    return "{" + ", ".join(f'"{name}": "{told.get(name, variable)}"' for name, variable in PAYLOAD.items()) + "}"


def event(raw: str) -> AlertEvent:
    found = read_webhook(raw, NOW_MS)
    assert found is not None
    return found


def test_a_webhook_is_read_field_by_field() -> None:
    told = event(body())
    assert (told.monitor_id, told.scope, told.transition) == ("42", "env:prd,service:web", Transition.TRIGGERED)
    assert (told.environment, told.service, told.priority) == ("prd", "web", 2)
    assert (told.title, told.value, told.threshold) == ("p99 latency is high", "0.46s", "0.3")
    assert told.dashboard == "https://app.datadoghq.com/dashboard/abc"
    assert told.runbook == "https://wiki.example.com/web"
    assert "@webhook" not in told.text
    assert told.at_ms == NOW_MS - 5000
    assert not told.is_repaired


def test_a_variable_that_stayed_as_it_is_is_no_value() -> None:
    told = event(body(priority="$ALERT_PRIORITY", snapshot="$SNAPSHOT", tags="$TAGS", cycle="$ALERT_CYCLE_KEY"))
    assert (told.priority, told.snapshot, told.tags, told.cycle_key, told.host) == (None, "", (), "", "")


def test_quotes_and_line_breaks_in_texts_lose_nothing() -> None:
    words = 'He said "it\'s down",\nthen "text": "gone". C:\\web'
    told = event(pasted(title='p99 of "web" is high', text=words))
    assert told.is_repaired
    assert (told.monitor_id, told.transition, told.cycle_key) == ("42", Transition.TRIGGERED, "778899")
    assert told.title == 'p99 of "web" is high'
    assert told.text.startswith('He said "it')


def test_line_breaks_alone_are_no_damage() -> None:
    told = event(pasted(text="one\ntwo\tthree"))
    assert told.text == "one\ntwo\tthree"
    assert not told.is_repaired


def test_a_body_without_a_monitor_is_no_event() -> None:
    for raw in (
        "",
        "null",
        "[]",
        "{}",
        '{"monitor": ""}',
        '{"monitor": "$ALERT_ID"}',
        "what?",
        '{"monitor": {}}',
        "\0",
    ):
        assert read_webhook(raw, NOW_MS) is None


def test_a_date_may_be_seconds_or_absent_and_is_not_believed_far_in_the_future() -> None:
    assert event(body(date="1795400000")).at_ms == NOW_MS
    assert event(body(date="$DATE", updated="soon")).at_ms == NOW_MS
    assert event(body(date="1e15")).at_ms < NOW_MS + 3_600_000
    assert event(body(date="nan")).at_ms == NOW_MS


def test_an_unknown_transition_keeps_datadogs_word() -> None:
    told = event(body(transition="Frobnicated", type="info"))
    assert (told.transition, told.told, told.state) == (Transition.UNKNOWN, "Frobnicated", None)


def test_links_are_https_or_nothing() -> None:
    for link in ("http://evil.example.com/x", "javascript:alert(1)", "https://a b", "<https://x|y>"):
        assert event(body(link=link)).link == ""


def test_the_same_delivery_has_the_same_key_and_another_event_another() -> None:
    again = read_webhook(body(), NOW_MS + 60_000)
    key = delivery_key(body(), event(body()))
    assert delivery_key(body(), again) == key
    for other in (body(id="8032"), body(transition="Recovered"), body(scope="env:stg")):
        assert delivery_key(other, event(other)) != key
    for without in (body(id="$ID"), body(id="$ID", date="$DATE", updated="$LAST_UPDATED")):
        assert delivery_key(without, read_webhook(without, 1)) == delivery_key(without, read_webhook(without, 2))
    assert len(delivery_key(body(id="9" * 5000), event(body(id="9" * 5000)))) < 200


def test_depth_is_counted_outside_texts_only() -> None:
    assert not is_too_deep(b"[" * DEEPEST + b"]" * DEEPEST)
    assert is_too_deep(b"[" * (DEEPEST + 1))
    assert not is_too_deep(json.dumps({"text": '{["\\' * 200}).encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*PAYLOAD, "value", "message"]), json_values))
@settings(max_examples=300, deadline=None)
def test_whatever_stands_in_a_field_nothing_is_raised(told: dict[str, Any]) -> None:
    for raw in (json.dumps(told), json.dumps(told)[:-2], json.dumps(told | {"monitor": "7"})):
        found = read_webhook(raw, NOW_MS)
        delivery_key(raw, found)


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_whatever_people_write_the_alert_is_found(text: str) -> None:
    told = event(pasted(text=text, title=text))
    assert (told.monitor_id, told.scope, told.cycle_key) == ("42", "env:prd,service:web", "778899")
