"""When many alerts become one card, where alerts go, and what the poller makes of what it sees."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.alert import Alert, AlertRoute, AlertRoutes, AlertState, Transition
from bot.domain.alert.sight import Sight, find_group, gone, scope_of, seen
from bot.domain.alert.storm import (
    CHANNEL_CARDS,
    MONITOR_SCOPES,
    OWN_CARDS,
    Crowd,
    Placed,
    Recent,
    Storm,
    open_key,
    place,
)
from bot.domain.names import AlertId, ChannelId

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
GRACE = timedelta(seconds=20)
NOBODY = Crowd(Counter(), Counter())


def made(monitor: str = "42", scope: str = "env:prd,service:web", **changes: object) -> Alert:
    alert = Alert(
        id=AlertId(f"{monitor}{scope}"),
        monitor_id=monitor,
        scope=scope,
        cycle_key="",
        state=AlertState.ALERT,
        told="Triggered",
        opened_at=NOW - timedelta(minutes=5),
        state_ms=NOW_MS - 300_000,
        last_ms=NOW_MS - 300_000,
        seen_at=NOW - timedelta(minutes=5),
        updated_at=NOW - timedelta(minutes=5),
        channel="#alerts",
    )
    return replace(alert, **changes)  # type: ignore[arg-type]


def placed(alerts: list[Alert], open_storms: dict[str, Storm] | None = None) -> list[Placed]:
    """One after the other, as they come."""
    recent = Recent()
    return [place(alert, NOBODY, recent, open_storms or {}) for alert in alerts]


def test_a_few_alerts_have_cards_of_their_own() -> None:
    assert placed([made(str(n)) for n in range(CHANNEL_CARDS)]) == [Placed()] * CHANNEL_CARDS


def test_a_channel_that_fills_with_cards_has_a_storm() -> None:
    assert placed([made(str(n)) for n in range(CHANNEL_CARDS + 1)])[-1] == Placed(opens="")


def test_many_groups_of_one_monitor_that_come_together_are_a_storm_from_the_first_one() -> None:
    alerts = [made(scope=f"service:s{n}") for n in range(MONITOR_SCOPES + 1)]
    crowd = Crowd.of(alerts)
    assert place(alerts[0], crowd.without(alerts[0]), Recent(), {}) == Placed(opens="42")


def test_what_comes_to_an_open_storm_joins_it() -> None:
    storm = Storm("S", "#alerts", "42", "p99", NOW, NOW)
    found = placed([made(), made("43")], {open_key("#alerts", "42"): storm})
    assert found == [Placed(storm), Placed()]


def test_critical_alerts_keep_cards_of_their_own_in_a_storm_as_many_as_a_channel_can_take() -> None:
    storm = Storm("S", "#alerts", "", "", NOW, NOW)
    found = placed([made(str(n), priority=1) for n in range(OWN_CARDS + 1)], {open_key("#alerts", ""): storm})
    assert found == [Placed()] * OWN_CARDS + [Placed(storm)]


def test_the_first_route_whose_tags_an_alert_has_counts() -> None:
    web = AlertRoute(frozenset({"service:web", "env:prd"}), ChannelId("#web"))
    all_prd = AlertRoute(frozenset({"env:prd"}), ChannelId("#prd"))
    routes = AlertRoutes(ChannelId("#alerts"), (web, all_prd))
    assert routes.channel_of(["env:prd", "Service:web"]) == "#web"
    assert routes.channel_of(["env:prd"]) == "#prd"
    assert routes.channel_of(["env:stg"]) == "#alerts"
    assert AlertRoutes().channel_of(["env:stg"]) is None


def sight(group: str = "service:web", status: str = "Alert", since: datetime | None = None) -> Sight:
    query = "avg(last_5m):p99:latency{env:prd} by {service} > 0.3"
    return Sight("42", group, status, since or NOW - timedelta(minutes=2), "p99", query=query)


def test_a_group_is_the_one_that_a_webhook_named_with_the_tags_of_its_query() -> None:
    assert scope_of(sight()) == "env:prd,service:web"
    assert find_group(sight(), [made(scope="service:admin"), made()]) == made()
    wider = made(scope="env:prd,region:eu,service:web")
    assert find_group(sight(), [wider]) == wider
    assert find_group(sight("service:other"), [made()]) is None


def test_a_trouble_that_no_row_has_is_an_event_of_the_time_at_which_it_began() -> None:
    event = seen(sight(), None, now=NOW, grace=GRACE)
    assert event is not None
    assert (event.transition, event.scope, event.threshold) == (Transition.TRIGGERED, "env:prd,service:web", "0.3")
    assert event.at_ms == NOW_MS - 120_000


def test_what_agrees_or_is_too_young_is_left_to_the_webhook() -> None:
    assert seen(sight(), made(), now=NOW, grace=GRACE) is None
    assert seen(sight(since=NOW - timedelta(seconds=5)), None, now=NOW, grace=GRACE) is None
    assert seen(sight(), made(last_ms=NOW_MS - 1000, state=AlertState.RECOVERED), now=NOW, grace=GRACE) is None
    assert seen(sight(status="OK"), made(), now=NOW, grace=GRACE) is None


def test_an_alert_that_was_closed_and_still_fires_is_opened_again() -> None:
    head = made(state=AlertState.RECOVERED, closed_at=NOW - timedelta(minutes=1), state_ms=NOW_MS - 60_000)
    event = seen(sight(), head, now=NOW, grace=GRACE)
    assert event is not None
    assert event.at_ms == NOW_MS - 60_000 + 1


def test_an_open_alert_that_datadog_no_longer_shows_is_over() -> None:
    event = gone(made(), NOW - timedelta(minutes=1), now=NOW, grace=GRACE)
    assert event is not None
    assert (event.transition, event.at_ms) == (Transition.RECOVERED, NOW_MS - 60_000)
    assert gone(made(updated_at=NOW), None, now=NOW, grace=GRACE) is None
