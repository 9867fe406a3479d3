"""What all tests share: how hypothesis looks for examples."""

from hypothesis import settings

# Two busy cores make any single example slow now and then; the time of a whole test is bounded by pytest-timeout.
settings.register_profile("kajitori", deadline=None)
settings.load_profile("kajitori")
