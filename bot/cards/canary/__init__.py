"""How canaries look: the card of a running one, the offer before it, and notes about it."""

from bot.cards.canary.card import canary_card
from bot.cards.canary.notes import kept_card, leftover_card, reminder_note
from bot.cards.canary.offer import move_card, offer_card

__all__ = ["canary_card", "kept_card", "leftover_card", "move_card", "offer_card", "reminder_note"]
