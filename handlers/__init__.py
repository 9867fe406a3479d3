"""What people type or press: one feature is one file, named for what they see. Declares grammar and role, calls a use case, returns a card."""
