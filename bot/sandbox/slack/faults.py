"""Faults on order: what shall go wrong, how often, and how often it did.

Rules come from tests, in process (`Faults.add`) or over `POST /sandbox/slack/faults`, and are taken by the Web API
(`CALL_FAULTS`), by Socket Mode (`SOCKET_FAULTS`) and by the delivery of envelopes (`duplicate`).

Every rule may have `times` (default 1, null for ever); a rule on calls also `method` (default all), `channel` (an id)
and `skip` (calls that it lets pass first).

| do | what happens | fields |
|---|---|---|
| ratelimit | HTTP 429, not accepted | retry_after (s) |
| error | `ok: false` with this error, not accepted | error |
| http | this HTTP status and a body that is not JSON, not accepted | status |
| hang | no answer for a while; then handled, if the caller is still there | seconds |
| reset | connection reset before anything is accepted | |
| accept_then_close | handled, then the connection is cut without an answer | |
| accept_then_500 | handled, then HTTP 500 | |
| accept_then_hang | handled, then no answer for a while | seconds |
| refresh | `disconnect` refresh_requested, then closed after a grace | socket, grace (s) |
| warning, link_disabled, too_many | that `disconnect`; all but warning close the socket | socket |
| freeze | the socket neither reads nor writes, TCP stays open | socket, swallow |
| cut | the next envelope on the socket breaks off in mid-frame, with a reset | socket |
| refuse_upgrade | the next WebSocket upgrades get 503, their ticket is spent | |
| duplicate | the next envelope comes `copies` times, `concurrent` of them at once | copies, concurrent, type |
"""

from collections import Counter
from dataclasses import dataclass, field

from bot.sandbox.slack.people import Json

CALL_FAULTS = frozenset(
    {"ratelimit", "error", "http", "hang", "reset", "accept_then_close", "accept_then_500", "accept_then_hang"}
)
SOCKET_FAULTS = frozenset({"refresh", "warning", "link_disabled", "too_many", "freeze", "cut"})
LATER_FAULTS = frozenset({"refuse_upgrade", "duplicate"})


@dataclass(slots=True)
class Rule:
    """One order. `left` is how often it will still fire, None for ever; `skip` how many calls it lets pass first."""

    do: str
    method: str = "*"
    channel: str | None = None
    left: int | None = 1
    skip: int = 0
    fields: Json = field(default_factory=dict)
    fired: int = 0

    def seconds(self, name: str, default: float) -> float:
        return float(self.fields.get(name, default))

    def as_json(self) -> Json:
        """The rule and how it fares."""
        return {"do": self.do, "method": self.method, "channel": self.channel, "left": self.left, "fired": self.fired}


class Faults:
    """The rules in force, first come first served."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.counts: Counter[str] = Counter()
        """How often each thing happened: faults by name, and what Socket Mode sent, resent and heard."""

    def add(self, order: Json) -> Rule:
        """Put a rule in force; ValueError when nobody knows such a fault."""
        order = dict(order)
        do = order.pop("do", None)
        if do not in CALL_FAULTS | SOCKET_FAULTS | LATER_FAULTS:
            raise ValueError(
                f"unknown fault {do!r}; known: {', '.join(sorted(CALL_FAULTS | SOCKET_FAULTS | LATER_FAULTS))}"
            )
        method, channel = order.pop("method", "*"), order.pop("channel", None)
        rule = Rule(str(do), method, channel, order.pop("times", 1), int(order.pop("skip", 0)), order)
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Back to a Slack without faults; the counts stay."""
        self.rules.clear()

    def take_call(self, method: str, channel: str | None) -> Rule | None:
        """The fault for this Web API call, if one is due."""
        for rule in self.rules:
            wanted = rule.do in CALL_FAULTS and rule.method in ("*", method) and rule.channel in (None, channel)
            if wanted and rule.left != 0:
                if rule.skip:
                    rule.skip -= 1
                    continue
                return self._fire(rule)
        return None

    def take(self, do: str, kind: str | None = None) -> Rule | None:
        """The next rule of a kind, such as `duplicate`; with `kind`, one for that type of envelope."""
        for rule in self.rules:
            if rule.do == do and rule.left != 0 and rule.fields.get("type", kind) == kind:
                return self._fire(rule)
        return None

    def _fire(self, rule: Rule) -> Rule:
        if rule.left is not None:
            rule.left -= 1
        rule.fired += 1
        self.counts[rule.do] += 1
        return rule

    def as_json(self) -> Json:
        """What is in force, and what has happened."""
        return {"rules": [rule.as_json() for rule in self.rules], "counts": dict(self.counts)}
