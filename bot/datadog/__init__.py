"""Datadog: what our alerts are read from, and what is done about them. The one home of datadog_api_client.

Used through `bot.datadog.client.Datadog`. The SDK is imported late, in a thread, and only when Datadog is configured.
"""
