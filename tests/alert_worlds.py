"""Alerts as short words, for tests of their cards and of what people do with them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.alert import Alert, AlertState, NearRelease
from bot.domain.names import AlertId, ReleaseId, UserId

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
ALICE, BOB, DAVE = UserId("U0ALICE"), UserId("U0BOB"), UserId("U0DAVE")
NEAR = NearRelease(ReleaseId("01K" + "A" * 23), "2.3.0", "2.2.9", UserId("U0CAROL"), NOW - timedelta(minutes=8))


def alert(**changes: Any) -> Alert:
    """p99 latency of web in prd, open for six minutes, nobody has it; but for `changes`."""
    plain = Alert(
        id=AlertId("01KA" + "B" * 18 + "A1F3"),
        monitor_id="42",
        scope="env:prd,service:web",
        cycle_key="cycle-1",
        state=AlertState.ALERT,
        told="Triggered",
        opened_at=NOW - timedelta(minutes=6),
        state_ms=1,
        last_ms=1,
        updated_at=NOW - timedelta(minutes=6),
        seen_at=NOW - timedelta(minutes=6),
        step=1,
        title="p99 latency of web in prd is high",
        text="Requests are slow. Look at the slowest endpoint first.",
        priority=1,
        environment="prd",
        service="web",
        value="840 ms",
        threshold="300 ms",
        tags=("env:prd", "service:web", "team:shop", "region:eu"),
        link="https://app.datadoghq.com/monitors/42",
        dashboard="https://app.datadoghq.com/dashboard/abc-def",
        runbook="https://wiki.example.com/web/latency",
        channel="C0ALERTS",
    )
    return replace(plain, **changes)
