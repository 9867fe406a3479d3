"""The real process, killed at chosen and at random instructions, and what is left of the promises."""
