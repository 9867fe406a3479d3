"""What Slack accepts as the blocks of a message, a form or the App Home (docs.slack.dev/reference/block-kit/blocks).

`message_faults`, `view_faults` and `text_length` are called by the Web API, by response_url and by the answers that
ride on an acknowledgement. They judge; they never change what they are given.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from bot.sandbox.slack.elements import (
    BLOCK_ID,
    COMMON,
    IN_ACTIONS,
    IN_CONTEXT,
    IN_CONTEXT_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    SLACK_FILE,
    any_text,
    plain_text,
)
from bot.sandbox.slack.schema import (
    Check,
    Fault,
    anything,
    array,
    boolean,
    both,
    number,
    one_of,
    record,
    some_of,
    string,
    tagged,
)

MOST_BLOCKS_IN_A_MESSAGE = 50
MOST_BLOCKS_IN_A_VIEW = 100
# Undocumented: refused somewhere between 11.3k and 13.2k characters of block text (slackapi/bolt-js#2509).
MOST_BLOCK_TEXT = 13_000
LONGEST_TEXT = 40_000
LONGEST_VIEW = 250_000
MOST_CHARTS = 2

IDENTIFIED: dict[str, Check] = {"block_id": BLOCK_ID}
CELL = tagged(
    {
        "raw_text": record({**COMMON, "text": string(3000)}),
        "raw_number": record({**COMMON, "value": number()}, {"text": string(3000)}),
        "rich_text": record({**COMMON, "elements": array(anything(), 1000)}, IDENTIFIED),
    }
)
COLUMN = record({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean()})
POINT = record({"label": string(20), "value": number()})
SERIES = record({"name": string(20), "data": array(POINT, 20)})
AXES = record({"categories": array(string(20), 20)}, {"x_label": string(50), "y_label": string(50)})
PLOT = record({**COMMON, "series": array(SERIES, 6), "axis_config": AXES})
CHART = tagged(
    {
        "pie": record({**COMMON, "segments": array(record({"label": string(20), "value": number(0)}), 6)}),
        "bar": PLOT,
        "line": PLOT,
        "area": PLOT,
    }
)
RICH_TEXT_PARTS = tagged(
    {
        kind: record({**COMMON, "elements": array(anything(), 1000, 0)}, optional)
        for kind, optional in {
            "rich_text_section": {},
            "rich_text_quote": {"border": number(0, 1, whole=True)},
            "rich_text_preformatted": {"border": number(0, 1, whole=True), "language": string(255)},
            "rich_text_list": {
                "style": one_of("bullet", "ordered"),
                "indent": number(0, 8, whole=True),
                "offset": number(0, whole=True),
                "border": number(0, 1, whole=True),
            },
        }.items()
    }
)

BLOCKS: dict[str, Check] = {
    "section": both(
        record(
            COMMON,
            {
                **IDENTIFIED,
                "text": any_text(3000),
                "fields": array(any_text(2000), 10),
                "accessory": IN_SECTION,
                "expand": boolean(),
            },
        ),
        some_of("text", "fields"),
    ),
    "header": record({**COMMON, "text": plain_text(150)}, IDENTIFIED),
    "divider": record(COMMON, IDENTIFIED),
    "image": both(
        record(
            {**COMMON, "alt_text": string(2000)},
            {**IDENTIFIED, "image_url": string(3000), "slack_file": SLACK_FILE, "title": plain_text(2000)},
        ),
        some_of("image_url", "slack_file"),
    ),
    "actions": record({**COMMON, "elements": array(IN_ACTIONS, 25)}, IDENTIFIED),
    "context": record({**COMMON, "elements": array(IN_CONTEXT, 10)}, IDENTIFIED),
    "context_actions": record({**COMMON, "elements": array(IN_CONTEXT_ACTIONS, 5)}, IDENTIFIED),
    "input": record(
        {**COMMON, "label": plain_text(2000), "element": IN_INPUT},
        {**IDENTIFIED, "hint": plain_text(2000), "optional": boolean(), "dispatch_action": boolean()},
    ),
    "file": record({**COMMON, "external_id": string(255), "source": one_of("remote")}, IDENTIFIED),
    "markdown": record({**COMMON, "text": string(12_000)}, IDENTIFIED),
    "rich_text": record({**COMMON, "elements": array(RICH_TEXT_PARTS, 1000)}, IDENTIFIED),
    "table": record(
        {**COMMON, "rows": array(array(CELL, 20), 100)}, {**IDENTIFIED, "column_settings": array(COLUMN, 20)}
    ),
    "video": record(
        {
            **COMMON,
            "alt_text": string(2000),
            "title": plain_text(200),
            "thumbnail_url": string(3000),
            "video_url": string(3000),
        },
        {
            **IDENTIFIED,
            "title_url": string(3000),
            "description": plain_text(200),
            "provider_icon_url": string(3000),
            "provider_name": string(50),
            "author_name": string(50),
        },
    ),
    "data_visualization": record({**COMMON, "title": string(50), "chart": CHART}, IDENTIFIED),
    "alert": record(
        {**COMMON, "text": any_text(200)},
        {**IDENTIFIED, "level": one_of("default", "info", "warning", "error", "success")},
    ),
}
ONLY_IN_VIEWS = {"alert"}
ONLY_IN_MESSAGES = {"table", "markdown", "data_visualization", "file", "context_actions"}

MESSAGE_BLOCKS = array(
    tagged({kind: check for kind, check in BLOCKS.items() if kind not in ONLY_IN_VIEWS}), MOST_BLOCKS_IN_A_MESSAGE, 0
)
VIEW_BLOCKS = array(
    tagged({kind: check for kind, check in BLOCKS.items() if kind not in ONLY_IN_MESSAGES}), MOST_BLOCKS_IN_A_VIEW, 0
)
VIEW_COMMON: dict[str, Check] = {
    "private_metadata": string(3000, 0),
    "callback_id": string(255, 0),
    "external_id": string(255, 0),
    "clear_on_close": boolean(),
    "notify_on_close": boolean(),
}
MODAL = record(
    {**COMMON, "title": plain_text(24), "blocks": VIEW_BLOCKS},
    {**VIEW_COMMON, "close": plain_text(24), "submit": plain_text(24), "submit_disabled": boolean()},
)
HOME = record({**COMMON, "blocks": VIEW_BLOCKS}, {**VIEW_COMMON, "title": plain_text(24), "close": anything()})
VIEW = tagged({"modal": MODAL, "home": HOME})


def message_faults(blocks: Any, pointer: str = "/blocks") -> list[Fault]:
    """Everything that is wrong with the blocks of a message; an empty list when Slack would take them."""
    faults = list(MESSAGE_BLOCKS(blocks, pointer))
    if not faults:
        faults += _repeated(blocks, pointer)
        charts = sum(block["type"] == "data_visualization" for block in blocks)
        if charts > MOST_CHARTS:
            faults.append(Fault(pointer, "failed_constraint", f"no more than {MOST_CHARTS} charts allowed"))
        if sum(block["type"] == "table" for block in blocks) > 1:
            faults.append(Fault(pointer, "only_one_table_allowed", "only one table allowed"))
    return faults


def view_faults(view: Any, pointer: str = "/view") -> list[Fault]:
    """Everything that is wrong with a form or App Home; an empty list when Slack would take it."""
    faults = list(VIEW(view, pointer))
    if not faults:
        blocks = view["blocks"]
        faults += _repeated(blocks, f"{pointer}/blocks")
        if view["type"] == "modal" and "submit" not in view and any(block["type"] == "input" for block in blocks):
            faults.append(Fault(f"{pointer}/submit", "missing_field", "must define `submit` to use an `input` block"))
    return faults


def _repeated(blocks: list[dict[str, Any]], pointer: str) -> Iterator[Fault]:
    """block_id is unique in its surface, action_id in its block; elements with a focus are unique in a view."""
    seen: Counter[str] = Counter(block["block_id"] for block in blocks if "block_id" in block)
    for name, times in seen.items():
        if times > 1:
            yield Fault(pointer, "duplicate_block_id", f"duplicate block_id: {name}", {"block_id": name})
    for place, block in enumerate(blocks):
        actions = Counter(element["action_id"] for element in elements_of(block) if "action_id" in element)
        for name, times in actions.items():
            if times > 1:
                where = f"{pointer}/{place}/elements"
                yield Fault(where, "duplicate_action_id", f"duplicate action_id: {name}", {"action_id": name})


def elements_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a block that a person can touch, as references into the block."""
    match block.get("type"):
        case "actions" | "context_actions":
            return list(block["elements"])
        case "section" if "accessory" in block:
            return [block["accessory"]]
        case "input":
            return [block["element"]]
        case _:
            return []


def text_length(blocks: Any) -> int:
    """Characters of text in blocks, as counted against `MOST_BLOCK_TEXT`."""
    if isinstance(blocks, list):
        return sum(text_length(entry) for entry in blocks)
    if isinstance(blocks, dict):
        return sum(
            len(entry) if name in ("text", "alt_text", "title") and isinstance(entry, str) else text_length(entry)
            for name, entry in blocks.items()
        )
    return 0
