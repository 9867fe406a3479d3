"""Duties: where it is known who answers for a service. Made by bot.settings, asked by bot.usecases.oncall."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from bot.domain.names import ChannelId, ServiceName, UserId
from bot.domain.rota import Rota


@dataclass(frozen=True, slots=True)
class Duty:
    """One way to know who is on call: exactly one of `rota`, `schedule` and `team`."""

    rota: Rota | None = None
    schedule: str = ""
    """Id of a Datadog On-Call schedule."""
    team: str = ""
    """Id of a Datadog team that has On-Call."""
    page: bool = False
    """Whether alerts page that team in Datadog On-Call."""


@dataclass(frozen=True, slots=True)
class Responder:
    """Somebody who can be called. Without a Slack id they are named, not mentioned."""

    name: str
    slack: UserId | None = None

    @property
    def key(self) -> str:
        """What tells people apart."""
        return self.slack or self.name


@dataclass(frozen=True, slots=True)
class Line:
    """Who is called, in this order; the first is on call now."""

    people: tuple[Responder, ...]
    source: str
    """In words: "the rota", "Datadog On-Call"."""
    until: datetime | None = None
    """The next handover, where it is known."""
    following: Responder | None = None
    """Who takes over then."""


@dataclass(frozen=True, slots=True)
class OnCallPlan:
    """The section `oncall` of the configuration."""

    default: Duty | None = None
    """Of services that are not in `services`. None: nobody is called for them."""
    services: Mapping[ServiceName, Duty] = field(default_factory=lambda: MappingProxyType({}))
    channel: ChannelId | None = None
    """Where handovers are told and whose topic names who is on call. None: neither happens."""
    remind_after: timedelta = timedelta(minutes=5)
    """Between a call and its reminder, and between that and the next one in line. Default 5 minutes: longer than it
    takes to find the phone, shorter than most objectives forgive."""
    still_working_after: timedelta = timedelta(hours=1)
    people: Mapping[str, UserId] = field(default_factory=lambda: MappingProxyType({}))
    """Address in Datadog, lower case → Slack id."""

    def duty_of(self, service: ServiceName | None) -> Duty | None:
        """Whose duty a service is; the default's for alerts that name no service of ours."""
        return self.services.get(service, self.default) if service is not None else self.default

    @property
    def duties(self) -> Mapping[str, Duty]:
        """Every duty by the name that it is told under: a service's, or `` for the default."""
        found = {"": self.default} if self.default is not None else {}
        return found | {str(name): duty for name, duty in self.services.items()}
