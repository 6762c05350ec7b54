"""The stream of what was said between a contact and a connection."""
