"""`/kajitori help`: every command with its usage, derived from the declarations."""

from bot.cards.card import Card
from bot.cards.help import help_card
from bot.domain.catalog import Catalog
from bot.router import Router

router = Router()


@router.instant("help")
def help_(everything: Router, catalog: Catalog) -> Card:
    """Show what I understand."""
    lines = [(command.usage, command.summary) for command in everything.commands.values()]
    lines += [(f"/kajitori {instant.name}", instant.summary) for instant in everything.instants.values()]
    return help_card(lines, catalog)
