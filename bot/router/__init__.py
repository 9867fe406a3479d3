"""From people's words to a typed call of a handler; usage, help, forms and the app manifest from one declaration."""

from bot.router.binding import Field, FieldKind, bind, bind_form
from bot.router.call import Call, FormRequest, Reply, Source
from bot.router.replies import follow, is_told_here
from bot.router.routes import Button, Command, Instant, Router

__all__ = [
    "Button",
    "Call",
    "Command",
    "Field",
    "FieldKind",
    "FormRequest",
    "Instant",
    "Reply",
    "Router",
    "Source",
    "bind",
    "bind_form",
    "follow",
    "is_told_here",
]
