"""Canaries that people ask for: beginning one, giving it another share, holding it, promoting it.

A canary is a release (of the kind canary), so its approvals, its lock, its abort and its card are a release's. Called
by handlers/canary.py and, for promotions by the scheme, by the canary loop.
"""

from bot.usecases.canaries.changes import hold, onward, refuse_another, resume, share
from bot.usecases.canaries.offers import Offer, far_share, offer, offer_value, read_offer
from bot.usecases.canaries.places import at, live, needed, of_channel, place, with_place
from bot.usecases.canaries.promotion import promote

__all__ = [
    "Offer",
    "at",
    "far_share",
    "hold",
    "live",
    "needed",
    "of_channel",
    "offer",
    "offer_value",
    "onward",
    "place",
    "promote",
    "read_offer",
    "refuse_another",
    "resume",
    "share",
    "with_place",
]
