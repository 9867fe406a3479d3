"""How things look: pure functions from nouns to Slack's Block Kit. User text becomes markup nowhere but here, escaped."""
