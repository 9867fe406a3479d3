"""Texts of people on their way into Datadog, made inert. Used by the modules of bot.datadog for what they write."""

import re

LONGEST_TEXT = 4000
"""Of an event's text, docs.datadoghq.com/api/latest/events."""

_MARKDOWN = re.compile("%{3,}")


def inert(text: str, longest: int = LONGEST_TEXT) -> str:
    """Without what Datadog would act on: `@handles` notify people, `%%%` starts markdown."""
    calm = _MARKDOWN.sub("%%", text.replace("@", "＠"))
    return calm if len(calm) <= longest else calm[: longest - 1] + "…"
