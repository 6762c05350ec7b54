"""The stream of what became of one message."""
