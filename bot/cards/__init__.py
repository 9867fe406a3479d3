"""How things look: pure functions from nouns to Slack's Block Kit. User text is escaped here and nowhere else."""
