"""What time is it at Meta? The machine's clock plus an offset that tests move."""

import time


class Clock:
    """Seconds since 1970; `offset_seconds` moves windows and timestamps, never pauses."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def now(self) -> float:
        """The present at Meta, in seconds since 1970."""
        return time.time() + self.offset_seconds
