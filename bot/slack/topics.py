"""Topics of channels. Set at a handover of on call; never by a request."""

from bot.domain.names import ChannelId
from bot.slack.client import SlackClient

LONGEST = 250


class Topics:
    """conversations.setTopic. May be repeated; each call leaves a line in the channel."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client

    async def write(self, channel: ChannelId, topic: str) -> None:
        """Set a channel's topic, by its id. Raises Refused (`missing_scope`, …), TooBusy, Unreachable."""
        call = {"channel": channel, "topic": topic[:LONGEST]}
        await self._client.call("conversations.setTopic", body=call)
