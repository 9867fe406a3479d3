"""Forms (Slack calls them modals), made from a command's fields; and the button that opens one."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bot.cards.card import Card, actions, button, section
from bot.cards.mrkdwn import Mrkdwn, cut, esc
from bot.domain.catalog import Catalog

MAX_OPTIONS = 100
"""Slack's limit of a select."""
LONGEST_TEXT = 2000
_HINTS = {
    "VERSION": "Left empty: the newest, or what the stage before runs.",
    "PERCENT": "One share, or several that rise and the time between, e.g. 10% 25% 50% every 10m.",
    "@PERSON": "Left empty: the next one on call.",
}
_EXAMPLES = {"PERCENT": "10% 25% 50% every 10m", "DURATION": "30m", "start/status/end": "start"}
"""What stands in an empty field, by its kind; others take a version."""


class FormField(Protocol):
    """What a form needs to know of a field: bot.router.Field."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def required(self) -> bool: ...


def command_form(
    name: str,
    summary: str,
    fields: Sequence[FormField],
    catalog: Catalog,
    *,
    chosen: Mapping[str, str],
    place: str,
    offered: Sequence[str] = (),
) -> dict[str, Any]:
    """The view of a command; block ids are the fields' names.

    `place` (`channel:thread_ts:channel_name:subject`) comes back with it.
    `offered`: versions of the chosen service, newest first; without them the version is typed.
    """
    return {
        "type": "modal",
        "callback_id": f"command:{name}",
        "private_metadata": place,
        "title": {"type": "plain_text", "text": cut(name.capitalize(), 24)},
        "submit": {"type": "plain_text", "text": cut(name.capitalize(), 24)},
        "close": {"type": "plain_text", "text": "Cancel"},
        "blocks": [section(Mrkdwn(summary)), *(_input(field, catalog, chosen, offered) for field in fields)],
    }


def open_form_card(name: str, about: str = "") -> Card:
    """Offered when a form could not be opened in time."""
    text = Mrkdwn(f"Slack closed the door before the form for /{esc(name)} could open.")
    return Card(
        text, (section(text), *actions(f"form:{name}", [button("Open the form", f"form.{name}", about or name)]))
    )


def _input(field: FormField, catalog: Catalog, chosen: Mapping[str, str], offered: Sequence[str]) -> dict[str, Any]:
    # another block id for another service: Slack would keep the version chosen for the one before
    depends = f"@{chosen.get('service', '')}" if field.kind == "VERSION" and offered else ""
    return {
        "type": "input",
        "block_id": f"{field.name}{depends}"[:255],
        "dispatch_action": field.kind == "SERVICE",
        "optional": not field.required,
        "label": {"type": "plain_text", "text": field.name.replace("_", " ").capitalize()},
        "element": _element(field, catalog, chosen.get(field.name), offered),
        **({"hint": {"type": "plain_text", "text": _HINTS[field.kind]}} if field.kind in _HINTS else {}),
    }


def _element(field: FormField, catalog: Catalog, chosen: str | None, offered: Sequence[str]) -> dict[str, Any]:
    if field.kind == "VERSION" and offered:
        options = [_option(tag) for tag in offered[:MAX_OPTIONS]]
        return {"type": "static_select", "action_id": field.name, "options": options}
    if field.kind == "@PERSON":
        return {"type": "users_select", "action_id": field.name}
    if field.kind in ("TEXT", "REASON"):
        return {"type": "plain_text_input", "action_id": field.name, "multiline": True, "max_length": LONGEST_TEXT}
    if field.kind not in ("ENV", "SERVICE"):
        element: dict[str, Any] = {
            "type": "plain_text_input",
            "action_id": field.name,
            "max_length": 128,
            "placeholder": {"type": "plain_text", "text": _EXAMPLES.get(field.kind, "1.42.0")},
        }
        return element | ({"initial_value": chosen[:128]} if chosen else {})
    names = list(catalog.environments if field.kind == "ENV" else catalog.services)[:MAX_OPTIONS]
    element = {"type": "static_select", "action_id": field.name, "options": [_option(name) for name in names]}
    return element | ({"initial_option": _option(chosen)} if chosen in names and chosen else {})


def _option(name: str) -> dict[str, Any]:
    return {"text": {"type": "plain_text", "text": cut(name, 75)}, "value": name}
