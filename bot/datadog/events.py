"""Events that Datadog is told of: what was released, and what people noted. Posted by loops.

The v1 call: it takes any tags and an aggregation key, and needs no application key. Source:
docs.datadoghq.com/api/latest/events.
"""

from collections.abc import Sequence
from datetime import datetime

from bot.datadog import reading
from bot.datadog.limits import Lane
from bot.datadog.wire import Wire
from bot.datadog.words import LONGEST_TEXT, inert
from bot.domain.markers import EventKind

LONGEST_TITLE = 500
LONGEST_KEY = 100


class Events:
    """Posts events. Datadog does not know an event twice: whoever repeats one has it twice."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def post(
        self,
        title: str,
        text: str,
        *,
        tags: Sequence[str],
        kind: EventKind = EventKind.INFO,
        aggregation_key: str = "",
        at: datetime | None = None,
        lane: Lane = Lane.LOOPS,
    ) -> str:
        """Post one; its id. `aggregation_key` keeps those of one release or alert together; `at` is 18 h ago at most.

        Handles in the texts are made inert: an event must not page people. Raises OutsideError.
        """
        body: dict[str, object] = {
            "title": inert(title, LONGEST_TITLE),
            "text": inert(text, LONGEST_TEXT),
            "tags": list(tags),
            "alert_type": kind.value,
            "source_type_name": "kajitori",
        }
        if aggregation_key:
            body["aggregation_key"] = aggregation_key[:LONGEST_KEY]
        if at is not None:
            body["date_happened"] = int(at.timestamp())
        answer = await self._wire.ask("create_event", lane=lane, body=body)
        event = reading.part(answer, "event")
        return reading.text(event.get("id_str")) or reading.text(event.get("id"))
