"""Tests of the cards: how things look, and that no foreign text becomes markup."""
