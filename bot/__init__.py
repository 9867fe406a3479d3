"""Kajitori (舵取り, the person at the helm): a Slack bot that releases services to Kubernetes."""

__version__ = "0.1.0"
