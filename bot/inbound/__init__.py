"""The doors: what comes in from Slack, Datadog and the clock, each brought to one durable row."""
