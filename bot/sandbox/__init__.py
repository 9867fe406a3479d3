"""A local Slack, Kubernetes and registry for trying and testing the bot. It speaks only HTTP and WebSocket, imports
nothing else of `bot`, and nothing but `bot.__main__` and tests imports it."""
