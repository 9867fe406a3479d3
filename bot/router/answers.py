"""Where an answer goes: the outbox row for a reply to a request. Called by the intake and the inbox loop."""

from bot.cards.card import Card
from bot.router.call import Source
from bot.router.request import Request
from bot.store import outbox


def answer_draft(request: Request, card: Card, *, private: bool) -> outbox.Draft:
    """The outbox row that answers a request: where it was asked, to the person who asked."""
    public = request.source is Source.MENTION and not private
    kind = outbox.OutboxKind.WHISPER
    if public:
        kind = outbox.OutboxKind.NOTE
    elif request.response_url is not None:
        kind = outbox.OutboxKind.RESPOND
    thread_ts = request.thread_ts or (request.message_ts if public else None)
    return outbox.Draft(
        kind=kind,
        channel=request.channel,
        body=card.body(),
        lane=outbox.Lane.REPLY,
        user_id=request.actor,
        thread_ts=thread_ts,
        response_url=request.response_url,
    )
