"""Alerts: one row per cycle of a Datadog monitor's group, from trigger to recovery.

`alert` has the noun, `event` what Datadog tells, `payload` how its webhooks are read, `ordering` how events move rows
whatever their order, `storm` when many become one card, `routes` where they go. Pure: `now` is an argument.
"""

from bot.domain.alert.alert import (
    WEIGHT,
    Alert,
    AlertState,
    NearRelease,
    alert_key,
    normal_scope,
)
from bot.domain.alert.event import AlertEvent, SeenBy, Transition
from bot.domain.alert.routes import AlertRoute, AlertRoutes

__all__ = [
    "WEIGHT",
    "Alert",
    "AlertEvent",
    "AlertRoute",
    "AlertRoutes",
    "AlertState",
    "NearRelease",
    "SeenBy",
    "Transition",
    "alert_key",
    "normal_scope",
]
