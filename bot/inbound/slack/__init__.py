"""Slack's two doors, Socket Mode and HTTP: verify, parse, hand to one callable, acknowledge on the way back."""
