"""Slack's Web API: the bot's mouth and its address book. What comes in from Slack stands in bot.inbound.slack."""
