"""A batch of events becomes rows, counters, positions and changes, at once."""
