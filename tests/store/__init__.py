"""Tests of bot.store: one suite, SQLite and PostgreSQL."""
