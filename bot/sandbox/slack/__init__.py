"""The sandbox's Slack: one workspace that speaks Slack's Web API, Socket Mode and signed HTTP.

Mounted by `bot.sandbox.server`; it imports nothing of the bot, for the bot must not be able to tell it from
slack.com. Limits, error names and payload shapes are those of docs.slack.dev.
"""
