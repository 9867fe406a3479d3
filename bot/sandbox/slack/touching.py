"""Touching: what a person's click or choice means, for the element it is made on.

Pure helpers of the person's side: find an element, check that the choice is one it offers, build the action.
"""

from typing import Any

from bot.sandbox.slack.blocks import elements_of
from bot.sandbox.slack.forms import VALUE_FIELDS
from bot.sandbox.slack.people import Json
from bot.sandbox.slack.tickets import SlackRefusal


def find_element(blocks: list[Json], block_id: str, action_id: str) -> Json:
    """The element of that name; SlackRefusal `element_not_found` when there is none to touch."""
    for block in blocks:
        if block.get("block_id") == block_id:
            for element in elements_of(block):
                if element.get("action_id") == action_id:
                    return element
    raise SlackRefusal("element_not_found")


def all_options(element: Json) -> list[Json]:
    """The choices that an element offers, groups laid flat."""
    groups = [group["options"] for group in element.get("option_groups", [])]
    return [option for options in [element.get("options", []), *groups] for option in options]


def chosen(element: Json, given: Json) -> Json:
    """What the person chose, as Slack would say it; SlackRefusal `invalid_choice` for what is not on offer."""
    kind = element["type"]
    if kind == "overflow":
        return {"type": kind, "selected_option": _offered(element, given.get("selected_option"))}
    name, _ = VALUE_FIELDS[kind]
    entry = given.get(name, given.get("value"))
    if name == "selected_option" and entry is not None and "options" in element | {"options": all_options(element)}:
        entry = _offered(element, entry) if kind != "external_select" else entry
    elif name == "selected_options" and kind != "multi_external_select":
        entry = [_offered(element, each) for each in entry or []]
    elif name.endswith("s") and entry is None:
        entry = []
    return {"type": kind, name: entry}


def _offered(element: Json, wanted: Any) -> Json:
    value = wanted.get("value") if isinstance(wanted, dict) else wanted
    for option in all_options(element):
        if option["value"] == value:
            return option
    raise SlackRefusal("invalid_choice")


def action_on(element: Json, block_id: str, given: Json, action_ts: str) -> Json:
    """One entry of a block_actions payload's `actions`."""
    action: Json = {"type": element["type"], "action_id": element["action_id"], "block_id": block_id}
    action["action_ts"] = action_ts
    if element["type"] in ("button", "workflow_button", "icon_button"):
        for name in ("text", "value", "style"):
            if name in element:
                action[name] = element[name]
        return action
    if element["type"] in VALUE_FIELDS or element["type"] == "overflow":
        action |= chosen(element, given)
    for name in ("initial_option", "initial_options", "placeholder"):
        if name in element:
            action[name] = element[name]
    return action


def missing_inputs(view: Json, values: Json) -> dict[str, str]:
    """What Slack's own client says before it sends a form off: block_id → why it can't go yet."""
    errors = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        given = values.get(block["block_id"], {}).get(element["action_id"], {})
        entry = given.get(VALUE_FIELDS[element["type"]][0])
        if entry in (None, "", []):
            if not block.get("optional"):
                errors[block["block_id"]] = "Please complete this required field."
        elif isinstance(entry, str) and len(entry) < element.get("min_length", 0):
            errors[block["block_id"]] = f"Please enter at least {element['min_length']} characters."
        elif isinstance(entry, str) and len(entry) > element.get("max_length", 3000):
            errors[block["block_id"]] = f"Please enter at most {element.get('max_length', 3000)} characters."
    return errors
