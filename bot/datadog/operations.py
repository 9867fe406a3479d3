"""The calls that are made, by the names of Datadog's own client: in words, and with the permission that each needs.

Read by bot.datadog.wire for its errors. Sources: docs.datadoghq.com/api, and /account_management/rbac/permissions.
"""

from dataclasses import dataclass

DATADOG = "Datadog"
ON_CALL = "Datadog On-Call"


@dataclass(frozen=True, slots=True)
class Operation:
    """One call."""

    doing: str
    """What it is for, as the object of a sentence: "setting the mute"."""
    permission: str = ""
    """What the application key's owner must be allowed; empty: the API key is enough."""
    system: str = DATADOG
    writes: bool = False

    @property
    def lost(self) -> str:
        """What a lost answer means, as the end of a sentence."""
        return f"{self.doing} {'is uncertain' if self.writes else 'failed'}"

    @property
    def needs_app_key(self) -> bool:
        return bool(self.permission)

    def keys_refused(self, site: str, told: str) -> str:
        """A sentence for 401 and 403, with the remedy. `told`: Datadog's own words, if any."""
        words = f" ({told})" if told and told.lower() != "forbidden" else ""
        if not self.needs_app_key:
            return f"refuses DD_API_KEY for {self.doing}{words}: it must be an API key of {site}"
        return (
            f"refuses our keys for {self.doing}{words}: DD_API_KEY and DD_APP_KEY must be of one organisation at "
            f"{site}, and the application key must be allowed `{self.permission}`"
        )


OPERATIONS = {
    "validate": Operation("checking the API key"),
    "list_monitors": Operation("reading the monitors", "monitors_read"),
    "get_monitor": Operation("reading the monitor", "monitors_read"),
    "create_event": Operation("posting an event", writes=True),
    "create_downtime": Operation("setting the mute", "monitors_downtime", writes=True),
    "update_downtime": Operation("changing the mute's end", "monitors_downtime", writes=True),
    "cancel_downtime": Operation("lifting the mute", "monitors_downtime", writes=True),
    "list_downtimes": Operation("reading the mutes", "monitors_downtime"),
    "list_monitor_downtimes": Operation("reading the monitor's mutes", "monitors_downtime"),
    "query_timeseries_data": Operation("reading metrics", "timeseries_query"),
    "query_scalar_data": Operation("reading metrics", "timeseries_query"),
    "get_team_on_call_users": Operation("asking who is on call", "on_call_read"),
    "get_schedule_on_call_responders": Operation("asking who is on call", "on_call_read"),
    "create_on_call_page": Operation("paging", "on_call_page", ON_CALL, writes=True),
    "acknowledge_on_call_page": Operation("acknowledging the page", "on_call_respond", ON_CALL, writes=True),
    "escalate_on_call_page": Operation("escalating the page", "on_call_respond", ON_CALL, writes=True),
    "resolve_on_call_page": Operation("resolving the page", "on_call_respond", ON_CALL, writes=True),
}
