"""What people may ask: load, judge by the rules of bot.domain, save, in one transaction each. Called by handlers."""
