"""Measurements: each is a script that prints ratios against a peer, taken in one run."""
