"""What people type or press: one feature is one file, named for what they see. It declares grammar and role, calls a
use case and returns a card; it never touches an adapter, an SDK or another handler."""
