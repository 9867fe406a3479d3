"""Tests: the same file names as the code. `chat.py` drives the bot as people do; nothing of our own is mocked."""
