"""Tests of the sandbox: its Slack, its clusters and its page."""
