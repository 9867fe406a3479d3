"""A simulated Datadog: monitors that evaluate, the API that is used of it, webhooks. Knows nothing of the bot."""

from bot.sandbox.datadog.service import Datadog

__all__ = ["Datadog"]
