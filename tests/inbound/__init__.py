"""Tests of what stands on the way to an acknowledgement."""
