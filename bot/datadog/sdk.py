"""Datadog's own client as a builder of requests: its paths, parameters, body checks and key headers, and no sending.

Loaded late, by bot.datadog.wire, because it costs memory that a bot without Datadog should not pay. Nothing here
touches the network: the client's transports have no deadline for a whole answer and sleep as long as a 429 says.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import OpenApiException
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from datadog_api_client.v1.api.events_api import EventsApi
from datadog_api_client.v1.api.monitors_api import MonitorsApi
from datadog_api_client.v2.api.downtimes_api import DowntimesApi
from datadog_api_client.v2.api.metrics_api import MetricsApi
from datadog_api_client.v2.api.on_call_api import OnCallApi
from datadog_api_client.v2.api.on_call_paging_api import OnCallPagingApi

__all__ = ["OpenApiException", "Prepared", "Sdk"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that is ready to be sent."""

    method: str
    url: str
    """With its query, quoted."""
    headers: dict[str, str] = field(repr=False)
    """With the keys: never shown."""
    body: Any
    """A JSON value; None: no body."""


class _Builder(ApiClient):
    """The client with its last step replaced, as the package itself does for its threaded and its async client."""

    def _build_rest_client(self) -> None:
        return None

    def _call_api(self, method: str, url: str, *parts: Any, **_more: Any) -> Prepared:
        query, headers, body = (*parts, None, None, None)[:3]
        words = urlencode(query) if query else ""
        told = {str(name): str(value) for name, value in (headers or {}).items()}
        return Prepared(method, f"{url}?{words}" if words else url, told, body)


class Sdk:
    """Builders of all the requests that are made, by operation. A second address for On-Call paging, which has hosts of
    its own: the package derives the host of each call from an address given to it whole, and from nothing else."""

    def __init__(self, *, api_url: str, oncall_url: str, api_key: str, app_key: str) -> None:
        keys = {"apiKeyAuth": api_key, "appKeyAuth": app_key}
        api, paging = (_Builder(_configuration(url, keys)) for url in (api_url, oncall_url))
        self.operations: dict[str, Callable[..., object]] = {
            "validate": AuthenticationApi(api).validate,
            "list_monitors": MonitorsApi(api).list_monitors,
            "get_monitor": MonitorsApi(api).get_monitor,
            "create_event": EventsApi(api).create_event,
            "create_downtime": DowntimesApi(api).create_downtime,
            "update_downtime": DowntimesApi(api).update_downtime,
            "cancel_downtime": DowntimesApi(api).cancel_downtime,
            "list_downtimes": DowntimesApi(api).list_downtimes,
            "list_monitor_downtimes": DowntimesApi(api).list_monitor_downtimes,
            "query_timeseries_data": MetricsApi(api).query_timeseries_data,
            "query_scalar_data": MetricsApi(api).query_scalar_data,
            "get_team_on_call_users": OnCallApi(api).get_team_on_call_users,
            "get_schedule_on_call_responders": OnCallApi(api).get_schedule_on_call_responders,
            "create_on_call_page": OnCallPagingApi(paging).create_on_call_page,
            "acknowledge_on_call_page": OnCallPagingApi(paging).acknowledge_on_call_page,
            "escalate_on_call_page": OnCallPagingApi(paging).escalate_on_call_page,
            "resolve_on_call_page": OnCallPagingApi(paging).resolve_on_call_page,
        }

    def prepare(self, operation: str, /, **parameters: Any) -> Prepared:
        """The request of an operation. Bodies are given as JSON values, checked by the package's models.

        Raises OpenApiException for parameters that Datadog's description does not allow.
        """
        made = self.operations[operation](**parameters)
        assert isinstance(made, Prepared)
        return made


def _configuration(url: str, keys: dict[str, str]) -> Configuration:
    # An address given whole is used for every call; `server_variables` from DD_SITE would make On-Call's calls raise.
    made = Configuration(host=url.rstrip("/"), api_key=dict(keys))
    made.server_variables = {}
    return made
