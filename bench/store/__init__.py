"""The rows of eventstore.md 5."""
