"""Tests of the router: words to typed calls, and what is derived from the declarations."""
