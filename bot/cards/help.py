"""What the bot understands, from the declarations."""

from collections.abc import Sequence

from bot.cards.card import Card, context, paragraphs
from bot.cards.mrkdwn import Mrkdwn, code, esc
from bot.domain.catalog import Catalog


def help_card(lines: Sequence[tuple[str, str]], catalog: Catalog) -> Card:
    """`lines`: usage and summary of each command."""
    commands = paragraphs(Mrkdwn(f"{code(usage)}  {esc(summary)}") for usage, summary in lines)
    environments = ", ".join(code(name) for name in catalog.environments)
    services = ", ".join(code(name) for name in catalog.services)
    return Card(
        Mrkdwn("What I understand"),
        (
            *commands,
            context(Mrkdwn(f"Environments: {environments}"), Mrkdwn(f"Services: {services}")),
            context(
                Mrkdwn(
                    "Everything also works as a mention, in threads too, where the release's environment and service "
                    "are understood; and as `/kajitori deploy …` where another app has `/deploy`."
                )
            ),
        ),
    )
