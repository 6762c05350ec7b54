"""Use cases of tickets: load, decide, append."""
