"""Block Kit's texts, options and elements, each with its limits (docs.slack.dev/reference/block-kit).

Used by `bot.sandbox.slack.blocks`. Tables only: what a field is called, how long it may be.
"""

from bot.sandbox.slack.schema import (
    Check,
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

ACTION_ID = string(255)
BLOCK_ID = string(255)
TYPE = anything()  # `tagged` has looked at it already


def plain_text(longest: int, shortest: int = 1) -> Check:
    """A `plain_text` object; mrkdwn is refused here."""
    return record({"type": one_of("plain_text"), "text": string(longest, shortest)}, {"emoji": boolean()})


def any_text(longest: int, shortest: int = 1) -> Check:
    """A `plain_text` or `mrkdwn` object."""
    return tagged(
        {
            "plain_text": record({"type": TYPE, "text": string(longest, shortest)}, {"emoji": boolean()}),
            "mrkdwn": record({"type": TYPE, "text": string(longest, shortest)}, {"verbatim": boolean()}),
        }
    )


CONFIRM = record(
    {"title": plain_text(100), "text": any_text(300), "confirm": plain_text(30), "deny": plain_text(30)},
    {"style": one_of("primary", "danger")},
)


def option(text: Check) -> Check:
    """One choice of a select, radio, checkbox or overflow menu."""
    return record(
        {"text": text, "value": string(150)},
        {"description": any_text(75), "url": string(3000)},
    )


PLAIN_OPTION = option(plain_text(75))
ANY_OPTION = option(any_text(75))
OPTION_GROUP = record({"label": plain_text(75), "options": array(PLAIN_OPTION, 100)})
DISPATCH = record({}, {"trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"), 2)})
FILTER = record(
    {},
    {
        "include": array(one_of("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": boolean(),
        "exclude_bot_users": boolean(),
    },
)
SLACK_FILE = record({}, {"id": string(255), "url": string(3000)})
IDS = array(string(255), 100, 0)

COMMON = {"type": TYPE}
INPUT = {"action_id": ACTION_ID, "focus_on_load": boolean()}
SELECT = {**INPUT, "placeholder": plain_text(150), "confirm": CONFIRM}
MULTI = {**SELECT, "max_selected_items": number(1, whole=True)}
OPTIONS = {"options": array(PLAIN_OPTION, 100), "option_groups": array(OPTION_GROUP, 100)}
RESPONSE_URL = {"response_url_enabled": boolean()}
CONVERSATION = {"default_to_current_conversation": boolean(), "filter": FILTER}
TEXT_INPUT = {
    **INPUT,
    "placeholder": plain_text(150),
    "dispatch_action_config": DISPATCH,
    "initial_value": string(3000, 0),
}

IMAGE = both(
    record(
        {**COMMON, "alt_text": string(2000, 0)},
        {"image_url": string(3000), "slack_file": SLACK_FILE},
    ),
    some_of("image_url", "slack_file"),
)

BUTTON = record(
    {**COMMON, "text": plain_text(75)},
    {
        "action_id": ACTION_ID,
        "url": string(3000),
        "value": string(2000, 0),
        "style": one_of("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
    },
)


def _single(kind_fields: dict[str, Check]) -> Check:
    return record(COMMON, {**SELECT, **kind_fields})


def _multi(kind_fields: dict[str, Check]) -> Check:
    return record(COMMON, {**MULTI, **kind_fields})


SELECTS: dict[str, Check] = {
    "static_select": both(
        _single({**OPTIONS, "initial_option": PLAIN_OPTION}),
        some_of("options", "option_groups"),
    ),
    "multi_static_select": both(
        _multi({**OPTIONS, "initial_options": array(PLAIN_OPTION, 100)}),
        some_of("options", "option_groups"),
    ),
    "external_select": _single({"min_query_length": number(0, whole=True), "initial_option": PLAIN_OPTION}),
    "multi_external_select": _multi(
        {"min_query_length": number(0, whole=True), "initial_options": array(PLAIN_OPTION, 100)}
    ),
    "users_select": _single({"initial_user": string(255)}),
    "multi_users_select": _multi({"initial_users": IDS}),
    "conversations_select": _single({"initial_conversation": string(255), **CONVERSATION, **RESPONSE_URL}),
    "multi_conversations_select": _multi({"initial_conversations": IDS, **CONVERSATION}),
    "channels_select": _single({"initial_channel": string(255), **RESPONSE_URL}),
    "multi_channels_select": _multi({"initial_channels": IDS}),
}

PICKERS: dict[str, Check] = {
    "datepicker": record(COMMON, {**SELECT, "initial_date": string(10, 10)}),
    "timepicker": record(COMMON, {**SELECT, "initial_time": string(5, 5), "timezone": string(255)}),
    "datetimepicker": record(COMMON, {**INPUT, "confirm": CONFIRM, "initial_date_time": number(0, whole=True)}),
    "radio_buttons": record(
        {**COMMON, "options": array(ANY_OPTION, 10)}, {**INPUT, "confirm": CONFIRM, "initial_option": ANY_OPTION}
    ),
    "checkboxes": record(
        {**COMMON, "options": array(ANY_OPTION, 10)},
        {**INPUT, "confirm": CONFIRM, "initial_options": array(ANY_OPTION, 10)},
    ),
}

OVERFLOW = record({**COMMON, "options": array(PLAIN_OPTION, 5)}, {"action_id": ACTION_ID, "confirm": CONFIRM})

TEXT_INPUTS: dict[str, Check] = {
    "plain_text_input": record(
        COMMON,
        {
            **TEXT_INPUT,
            "multiline": boolean(),
            "min_length": number(0, 3000, whole=True),
            "max_length": number(1, 3000, whole=True),
        },
    ),
    "email_text_input": record(COMMON, TEXT_INPUT),
    "url_text_input": record(COMMON, TEXT_INPUT),
    "number_input": record(
        {**COMMON, "is_decimal_allowed": boolean()},
        {**TEXT_INPUT, "min_value": string(255), "max_value": string(255)},
    ),
    "rich_text_input": record(COMMON, {**TEXT_INPUT, "initial_value": anything()}),
    "file_input": record(
        COMMON,
        {"action_id": ACTION_ID, "filetypes": array(string(255), 100, 0), "max_files": number(1, 10, whole=True)},
    ),
}

WORKFLOW_BUTTON = record(
    {**COMMON, "text": plain_text(75), "workflow": anything()},
    {"action_id": ACTION_ID, "style": one_of("primary", "danger"), "accessibility_label": string(75)},
)
FEEDBACK_BUTTON = record({"text": plain_text(75), "value": string(2000)}, {"accessibility_label": string(75)})
FEEDBACK_BUTTONS = record(
    {**COMMON, "positive_button": FEEDBACK_BUTTON, "negative_button": FEEDBACK_BUTTON}, {"action_id": ACTION_ID}
)
ICON_BUTTON = record(
    {**COMMON, "icon": one_of("trash"), "text": plain_text(75)},
    {
        "action_id": ACTION_ID,
        "value": string(2000, 0),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
        "visible_to_user_ids": IDS,
    },
)

IN_ACTIONS = tagged(
    {
        "button": BUTTON,
        "workflow_button": WORKFLOW_BUTTON,
        "overflow": OVERFLOW,
        "rich_text_input": TEXT_INPUTS["rich_text_input"],
        **SELECTS,
        **PICKERS,
    }
)
IN_SECTION = tagged(
    {"button": BUTTON, "workflow_button": WORKFLOW_BUTTON, "image": IMAGE, "overflow": OVERFLOW, **SELECTS, **PICKERS}
)
IN_INPUT = tagged({**TEXT_INPUTS, **SELECTS, **PICKERS})
IN_CONTEXT = tagged(
    {
        "image": IMAGE,
        "plain_text": record({**COMMON, "text": string(3000)}, {"emoji": boolean()}),
        "mrkdwn": record({**COMMON, "text": string(3000)}, {"verbatim": boolean()}),
    }
)
IN_CONTEXT_ACTIONS = tagged({"feedback_buttons": FEEDBACK_BUTTONS, "icon_button": ICON_BUTTON})
