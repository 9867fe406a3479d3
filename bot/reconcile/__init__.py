"""What the bot does by itself: loops that start from rows and from what the world shows, and could start anew."""
