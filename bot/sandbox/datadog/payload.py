"""The webhook's payload: Datadog's `$VARIABLES` for one notification, and the template that they are put into. Pure.

A variable without a value stays as it is written, `$HOSTNAME`, as with Datadog.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bot.sandbox.datadog.board import Notification
from bot.sandbox.datadog.monitors import WHOLE, State, Transition, aggregation_key

ORG_ID, ORG_NAME = "700100", "Growlio"
DEFAULT_TEMPLATE = json.dumps(
    {
        "cycle": "$ALERT_CYCLE_KEY",
        "aggreg": "$AGGREG_KEY",
        "monitor": "$ALERT_ID",
        "transition": "$ALERT_TRANSITION",
        "type": "$ALERT_TYPE",
        "status": "$ALERT_STATUS",
        "priority": "$ALERT_PRIORITY",
        "title": "$ALERT_TITLE",
        "scope": "$ALERT_SCOPE",
        "query": "$ALERT_QUERY",
        "metric": "$ALERT_METRIC",
        "tags": "$TAGS",
        "hostname": "$HOSTNAME",
        "link": "$LINK",
        "snapshot": "$SNAPSHOT",
        "text": "$TEXT_ONLY_MSG",
        "message": "$EVENT_MSG",
        "date": "$DATE",
        "updated": "$LAST_UPDATED",
        "id": "$ID",
    },
    indent=1,
)
_VARIABLE = re.compile(r"\$([A-Z][A-Z0-9_]*)(?:\[([^\]\s]+)\])?")
_TYPES = {State.OK: "success", State.WARN: "warning", State.ALERT: "error", State.NO_DATA: "error"}


def variables(told: Notification, app_url: str) -> dict[str, str]:
    """All variables that have a value for a monitor's notification, without their `$`. `app_url`: Datadog's page."""
    monitor = told.monitor
    stamp_ms = str(int(told.at_s) * 1000)  # documented as milliseconds, told in whole seconds
    scope = scope_of(told)
    link = f"{app_url}/event/jump_to?event_id={told.event_id}"
    status = status_line(told)
    return {
        "ALERT_CYCLE_KEY": told.cycle,
        "AGGREG_KEY": aggregation_key(monitor.id),
        "ALERT_ID": str(monitor.id),
        "ALERT_METRIC": monitor.metric,
        "ALERT_PRIORITY": f"P{monitor.priority}",
        "ALERT_QUERY": monitor.query,
        "ALERT_SCOPE": ", ".join(scope),
        "ALERT_STATUS": status,
        "ALERT_TITLE": f"[{title_word(told)}] {monitor.name}",
        "ALERT_TRANSITION": told.transition.value,
        "ALERT_TYPE": _TYPES[told.state],
        "DATE": stamp_ms,
        "DATE_POSIX": stamp_ms[:-3],
        "LAST_UPDATED": stamp_ms,
        "LAST_UPDATED_POSIX": stamp_ms[:-3],
        "EVENT_MSG": marked_down(told, status, app_url),
        "TEXT_ONLY_MSG": f"{words_of(told)}\n\n{status}",
        "EVENT_TITLE": f"[{title_word(told)}] {monitor.name}",
        "EVENT_TYPE": "query_alert_monitor",
        "ID": str(told.event_id),
        "LINK": link,
        "METRIC_NAMESPACE": monitor.metric.partition(".")[0],
        "ORG_ID": ORG_ID,
        "ORG_NAME": ORG_NAME,
        "PRIORITY": "normal",
        "SNAPSHOT": f"{app_url}/snapshot/{monitor.id}/{told.event_id}.png",
        "TAGS": ", ".join(tags_of(told)),
    }


def scope_of(told: Notification) -> list[str]:
    """The tags of the group that alerts, with the query's own."""
    group = [] if told.group == WHOLE else told.group.split(",")
    return sorted({f"env:{told.monitor.env}", *group})


def tags_of(told: Notification) -> list[str]:
    """The event's tags: the monitor's, the group's, and `monitor`, which each monitor's event has."""
    return sorted({"monitor", *told.monitor.tags, *scope_of(told)})


def title_word(told: Notification) -> str:
    """What stands in brackets before the title: `Triggered on {service:web}`."""
    transition = told.transition
    return transition.value if told.group == WHOLE else f"{transition.value} on {{{told.group}}}"


def status_line(told: Notification) -> str:
    """`$ALERT_STATUS`: metric, scope, threshold and window in a sentence."""
    monitor = told.monitor
    if told.state is State.NO_DATA:
        return f"No data received for {monitor.metric} over {','.join(scope_of(told))}"
    sign = ">" if monitor.above else "<"
    if told.state is State.OK:
        sign = "<=" if monitor.above else ">="
    threshold = f"{sign} {monitor.threshold(told.state):g}"
    value = "" if told.value is None else f" Value: {round(told.value, 3):g}{monitor.unit}"
    window = f"{monitor.window_s:g}s"
    return f"{monitor.metric} over {','.join(scope_of(told))} was {threshold} during the last {window}.{value}"


def words_of(told: Notification) -> str:
    """The monitor's message for this notification."""
    is_again = told.transition is Transition.RENOTIFY or told.transition.value.startswith("Re-")
    lead = f"{told.monitor.escalation_message}\n" if is_again and told.monitor.escalation_message else ""
    return lead + told.monitor.message


def marked_down(told: Notification, status: str, app_url: str) -> str:
    """`$EVENT_MSG`: the text with Datadog's markdown around it."""
    page = f"{app_url}/monitors/{told.monitor.id}"
    moment = datetime.fromtimestamp(int(told.opened_s), UTC).strftime("%a %b %d %Y %H:%M:%S UTC")
    return (
        f"%%%\n{words_of(told)}\n\n"
        f"[![Metric Graph]({app_url}/snapshot/{told.monitor.id}/{told.event_id}.png)]({page})\n\n"
        f"{status}\n\nThe monitor was last triggered at {moment}.\n\n- - -\n\n"
        f"[[Monitor Status]({page})] · [[Edit Monitor]({page}#edit)]\n%%%"
    )


def render(template: str, values: Mapping[str, str], tags: Sequence[str] = (), *, escapes: bool = True) -> str:
    """Put values into a template. `escapes`: as parts of JSON strings; else as they are, line breaks and all."""
    by_key = {key: value for key, _, value in (tag.partition(":") for tag in tags)}

    def value_of(match: re.Match[str]) -> str:
        name, key = match.groups()
        if name == "TAGS" and key is not None:
            found: str | None = by_key.get(key, "")
        elif name in values:
            found = values[name] + (f"[{key}]" if key is not None else "")
        else:
            return match[0]
        return json.dumps(found, ensure_ascii=False)[1:-1] if escapes else str(found)

    return _VARIABLE.sub(value_of, template)
