"""What people say and see, through the chat."""
