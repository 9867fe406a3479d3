"""How patient a bot under test is. Imported by what starts one, in this process or in another; imports nothing."""

ACK_BUDGET_S = 5.0
"""A busy machine may not commit within the second that the bot has in earnest; this one waits longer."""
