"""The section `oncall` of kajitori.yaml: whose duty which service is, and when people are called.

Called by bot.settings.load, after the catalogue, whose services it names.
"""

from collections.abc import Iterable
from datetime import date, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from bot.domain.names import ChannelId, ServiceName, UserId
from bot.domain.oncall import Duty, OnCallPlan
from bot.domain.rota import BadRota, Rota, checked_shift
from bot.settings import forms
from bot.settings.faults import did_you_mean
from bot.settings.forms import BadForm
from bot.settings.section import Section

NOBODY = UserId("")
NO_DAY = date(2026, 1, 5)
_SOURCES = ("rota", "schedule", "team")
_PLAIN = OnCallPlan()


def read_oncall(section: Section, services: Iterable[ServiceName], zone: ZoneInfo) -> OnCallPlan | None:
    """`oncall`; None when it is absent: nobody is called."""
    channel = section.optional("channel", forms.channel, "")
    remind_after = section.optional("remind_after", forms.duration, _PLAIN.remind_after)
    still_working_after = section.optional("still_working_after", forms.duration, _PLAIN.still_working_after)
    people = _people(section)
    default = _duty(section.child("default"), zone)
    duties = _services(section, services, zone)
    section.close()
    if not section.present:
        return None
    return OnCallPlan(
        default=default,
        services=MappingProxyType(duties),
        channel=ChannelId(channel) if channel else None,
        remind_after=remind_after,
        still_working_after=still_working_after,
        people=MappingProxyType(people),
    )


def _people(section: Section) -> dict[str, UserId]:
    people: dict[str, UserId] = {}
    for entry in section.children("people"):
        example = "write the address that Datadog knows them by: datadog: alice@example.com"
        address = entry.required("datadog", forms.address, "", example)
        slack = entry.required("slack", forms.user, "", "write their id in Slack: slack: U0123456789")
        if address.lower() in people:
            entry.faults.add(entry.line_of("datadog"), entry.key("datadog"), f"is `{address}`, twice", "keep one")
        people[address.lower()] = UserId(slack)
        entry.close()
    return people


def _services(section: Section, services: Iterable[ServiceName], zone: ZoneInfo) -> dict[ServiceName, Duty]:
    if not section.has("services"):
        section.child("services")
        return {}
    known = list(services)
    duties: dict[ServiceName, Duty] = {}
    for name, child in section.named_children("services", forms.name, "service"):
        if name not in known:
            remedy = did_you_mean(name, known) or "Name a service of the section `services`"
            child.faults.add(child.line, child.path, "is no service", remedy)
        duty = _duty(child, zone)
        if duty is not None:
            duties[ServiceName(name)] = duty
    return duties


def _duty(section: Section, zone: ZoneInfo) -> Duty | None:
    people = tuple(UserId(user) for user in section.texts("rota", forms.user))
    shift = section.optional("shift", _shift, timedelta(days=7))
    handover = section.optional("handover", forms.clock, time(10))
    schedule = section.optional("schedule", forms.datadog_id, "")
    team = section.optional("team", forms.datadog_id, "")
    page = section.truth("page", default=False)
    first_day = NO_DAY
    if people:
        example = "write a day on which the first person begins: first_day: 2026-11-02"
        first_day = section.required("first_day", forms.day, NO_DAY, example)
    else:
        section.optional("first_day", forms.day, NO_DAY)
    section.close()
    if not section.present:
        return None
    named = [source for source in _SOURCES if section.has(source)]
    if len(named) != 1:
        problem = f"names {' and '.join(named)}" if named else "names nobody"
        section.faults.add(section.line, section.path, problem, f"write one of {', '.join(_SOURCES)}")
    if page and not team:
        section.faults.add(
            section.line_of("page"), section.key("page"), "has no team to page", "write `team` beside it"
        )
    rota = Rota(people or (NOBODY,), shift, first_day, handover, zone) if "rota" in named else None
    return Duty(rota=rota, schedule=schedule, team=team, page=page)


def _shift(text: str) -> timedelta:
    try:
        return checked_shift(forms.duration(text))
    except BadRota as error:
        raise BadForm(str(error)) from error
