"""Datadog On-Call: pages, and who is on call. Pages are made by people's clicks and by the calling loop.

Pages have hosts of their own, one per site; asking who is on call does not. There is no call that lists pages: only the
id that `page` answers leads back to one, and pages that monitors made can't be reached.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from bot.datadog import reading
from bot.datadog.limits import Lane
from bot.datadog.operations import ON_CALL
from bot.datadog.wire import Wire
from bot.datadog.words import inert
from bot.errors import NotFound, Refused, Unreachable

ONCALL_HOSTS = {
    "datadoghq.com": "navy.oncall.datadoghq.com",
    "us3.datadoghq.com": "teal.oncall.datadoghq.com",
    "us5.datadoghq.com": "coral.oncall.datadoghq.com",
    "ap1.datadoghq.com": "saffron.oncall.datadoghq.com",
    "ap2.datadoghq.com": "lava.oncall.datadoghq.com",
    "uk1.datadoghq.com": "scarlet.oncall.datadoghq.com",
    "datadoghq.eu": "beige.oncall.datadoghq.eu",
}
"""Site → its paging host, docs.datadoghq.com/api/latest/on-call-paging. Others: the default that the page names."""
DEFAULT_ONCALL_HOST = "navy.oncall.datadoghq.com"
LONGEST_TITLE = 250


class PageTarget(StrEnum):
    """What the identifier of a page's target is."""

    TEAM_ID = "team_id"
    TEAM_HANDLE = "team_handle"
    USER_ID = "user_id"


class Urgency(StrEnum):
    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class OnCallPerson:
    """Somebody as Datadog knows them; match them to Slack by `email`."""

    id: str
    name: str
    email: str
    """Lower case; empty when Datadog does not tell it."""


@dataclass(frozen=True, slots=True)
class TeamOnCall:
    """Who answers for a team now."""

    responders: tuple[OnCallPerson, ...]
    escalations: tuple[tuple[OnCallPerson, ...], ...]
    """Who is called after them, step by step."""

    @property
    def line(self) -> tuple[OnCallPerson, ...]:
        """Everybody in the order of the calls, each once."""
        everybody = (*self.responders, *(person for step in self.escalations for person in step))
        return tuple({person.id: person for person in everybody}.values())


@dataclass(frozen=True, slots=True)
class Turn:
    """One person's shift of a schedule."""

    person: OnCallPerson
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class ScheduleOnCall:
    """Whose shift it is; several at once where the schedule has them."""

    current: tuple[Turn, ...]
    following: tuple[Turn, ...]


class OnCall:
    """One site's On-Call."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    # Who is on call

    async def of_team(self, team_id: str, *, lane: Lane = Lane.LOOPS) -> TeamOnCall:
        """Who answers for a team now. Raises NotFound for a team without On-Call, or another OutsideError."""
        include = "responders,escalations.responders"
        answer = await self._wire.ask("get_team_on_call_users", lane=lane, team_id=team_id, include=include)
        included = _Included(answer)
        relations = reading.part(answer, "data", "relationships")
        steps = [included.step(each) for each in _references(relations, "escalations")]
        return TeamOnCall(
            responders=included.people(_references(relations, "responders")),
            escalations=tuple(step for step in steps if step),
        )

    async def of_schedule(self, schedule_id: str, *, lane: Lane = Lane.LOOPS) -> ScheduleOnCall:
        """Whose shift it is now, and whose next. Raises NotFound, or another OutsideError."""
        answer = await self._wire.ask(
            "get_schedule_on_call_responders",
            lane=lane,
            schedule_id=schedule_id,
            include="responders,responders.shifts,responders.shifts.user",
            filter_position="current,next",
        )
        included = _Included(answer)
        turns: dict[str, list[Turn]] = {"current": [], "next": []}
        for reference in _references(reading.part(answer, "data", "relationships"), "responders"):
            responder = included.one(reference)
            position = reading.text(reading.part(responder, "attributes").get("position")) or "current"
            if position in turns:
                turns[position] += included.turns(_references(reading.part(responder, "relationships"), "shifts"))
        return ScheduleOnCall(tuple(turns["current"]), tuple(turns["next"]))

    # Pages

    async def page(
        self,
        target: PageTarget,
        identifier: str,
        *,
        title: str,
        description: str = "",
        urgency: Urgency = Urgency.HIGH,
        tags: Sequence[str] = (),
        lane: Lane = Lane.PEOPLE,
    ) -> str:
        """Page somebody; the page's id, to be kept: nothing else finds it again.

        Not to be repeated after Unreachable: the page may have gone out, and nobody can look. Raises OutsideError.
        """
        attributes: dict[str, Any] = {
            "target": {"identifier": identifier, "type": target.value},
            "title": title[:LONGEST_TITLE],
            "urgency": urgency.value,
            "tags": list(tags),
        }
        if description:
            attributes["description"] = inert(description)
        body = {"data": {"type": "pages", "attributes": attributes}}
        try:
            answer = await self._wire.ask("create_on_call_page", lane=lane, body=body)
        except NotFound as error:
            text = f"does not know {target.value} {identifier!r} here: is it right, and DD_ONCALL_URL this site's host?"
            raise Refused(ON_CALL, text, code="NoTarget") from error
        page_id = reading.text(reading.part(answer, "data").get("id"))
        if not page_id:
            raise Unreachable(ON_CALL, "sent an answer to paging that can't be read")
        return page_id

    async def acknowledge(self, page_id: str, *, lane: Lane = Lane.PEOPLE) -> None:
        """Say in Datadog that somebody has taken it. May be repeated. Raises OutsideError."""
        await self._wire.ask("acknowledge_on_call_page", lane=lane, page_id=_uuid(page_id))

    async def escalate(self, page_id: str, *, lane: Lane = Lane.PEOPLE) -> None:
        """Call the next in line. Each repetition calls one more. Raises OutsideError."""
        await self._wire.ask("escalate_on_call_page", lane=lane, page_id=_uuid(page_id))

    async def resolve(self, page_id: str, *, lane: Lane = Lane.PEOPLE) -> None:
        """End it. May be repeated. Raises OutsideError."""
        await self._wire.ask("resolve_on_call_page", lane=lane, page_id=_uuid(page_id))


class _Included:
    """The rows beside an answer, by type and id."""

    def __init__(self, answer: Any) -> None:
        rows = (reading.mapping(row) for row in reading.items(reading.mapping(answer).get("included")))
        self._rows = {(reading.text(row.get("type")), reading.text(row.get("id"))): row for row in rows}

    def one(self, reference: Mapping[str, Any]) -> Mapping[str, Any]:
        key = reading.text(reference.get("type")), reading.text(reference.get("id"))
        return self._rows.get(key, reading.EMPTY)

    def people(self, references: Sequence[Mapping[str, Any]]) -> tuple[OnCallPerson, ...]:
        found = (self.one(reference) for reference in references)
        return tuple(_person(row) for row in found if row)

    def step(self, reference: Mapping[str, Any]) -> tuple[OnCallPerson, ...]:
        relations = reading.part(self.one(reference), "relationships")
        return self.people(_references(relations, "responders"))

    def turns(self, references: Sequence[Mapping[str, Any]]) -> list[Turn]:
        turns = []
        for reference in references:
            shift = self.one(reference)
            person = self.one(reading.part(shift, "relationships", "user", "data"))
            span = reading.part(shift, "attributes")
            if person:
                turns.append(Turn(_person(person), reading.moment(span.get("start")), reading.moment(span.get("end"))))
        return turns


def _references(relations: Any, name: str) -> list[Mapping[str, Any]]:
    return [reading.mapping(each) for each in reading.items(reading.part(relations, name).get("data"))]


def _person(row: Mapping[str, Any]) -> OnCallPerson:
    told = reading.part(row, "attributes")
    email = reading.text(told.get("email")) or reading.text(told.get("handle"))
    name = reading.text(told.get("name")) or email
    return OnCallPerson(reading.text(row.get("id")), name, email.lower() if "@" in email else "")


def _uuid(page_id: str) -> UUID:
    try:
        return UUID(page_id)
    except ValueError as error:
        raise NotFound(ON_CALL, f"has no page {page_id!r}") from error
