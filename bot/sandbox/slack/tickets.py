"""Things that Slack gives out and that wear out: trigger_ids and response_urls.

Made by payloads, spent by the Web API (`views.open`) and by posts to `/response/…`.
"""

import secrets
import time
from dataclasses import dataclass, field

from bot.sandbox.slack.pace import Timing
from bot.sandbox.slack.people import Channel

MOST_TRIGGERS = 10_000


class SlackRefusal(Exception):
    """A request that Slack answers with `ok: false`. `code` is Slack's error; `fields` go into the answer too."""

    def __init__(self, code: str, **fields: object) -> None:
        super().__init__(code)
        self.code = code
        self.fields = fields


@dataclass(slots=True)
class Trigger:
    """Leave to open one form, given to a person's act. `view_id` is the form the act happened in, if any."""

    user_id: str
    view_id: str | None
    made_at: float = field(default_factory=time.monotonic)
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """Leave to answer an act without a token. `ts` names the message that was clicked, if one was."""

    channel: Channel
    user_id: str
    ts: str | None = None
    is_whisper: bool = False
    thread_ts: str | None = None
    made_at: float = field(default_factory=time.monotonic)
    uses: int = 0


class Tickets:
    """All trigger_ids and response_urls given out."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._triggers: dict[str, Trigger] = {}
        self._response_urls: dict[str, ResponseUrl] = {}

    def new_trigger(self, user_id: str, view_id: str | None = None) -> str:
        """A trigger_id for what this person has just done."""
        trigger_id = f"{time.time_ns() // 1000}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = Trigger(user_id, view_id)
        if len(self._triggers) > MOST_TRIGGERS:
            del self._triggers[next(iter(self._triggers))]
        return trigger_id

    def spend_trigger(self, trigger_id: str) -> Trigger:
        """The trigger, which is used up by this; SlackRefusal when it is unknown, old or used."""
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise SlackRefusal("invalid_trigger_id")
        if trigger.used:
            raise SlackRefusal("exchanged_trigger_id")
        if time.monotonic() - trigger.made_at > self._timing.trigger_s:
            raise SlackRefusal("expired_trigger_id")
        trigger.used = True
        return trigger

    def new_response_url(self, grant: ResponseUrl) -> str:
        """The last part of a response_url."""
        name = f"{secrets.token_hex(8)}/{secrets.token_hex(12)}"
        self._response_urls[name] = grant
        if len(self._response_urls) > MOST_TRIGGERS:
            del self._response_urls[next(iter(self._response_urls))]
        return name

    def spend_response_url(self, name: str) -> ResponseUrl:
        """The grant, with one use less; SlackRefusal when it is unknown, old or worn out."""
        grant = self._response_urls.get(name)
        if grant is None:
            raise SlackRefusal("invalid_url")
        if time.monotonic() - grant.made_at > self._timing.response_url_s:
            raise SlackRefusal("expired_url")
        if grant.uses >= self._timing.response_url_uses:
            raise SlackRefusal("used_url")
        grant.uses += 1
        return grant
