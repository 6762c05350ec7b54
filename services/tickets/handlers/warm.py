"""Warm states of streams and locks per contact, shared by all handlers of the process."""


class Warm:
    """`Warm(store)`: one per process."""
