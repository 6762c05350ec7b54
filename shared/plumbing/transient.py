"""Failures that pass by waiting, and failures that never do."""

from typing import Final


class TransientError(Exception):
    """Something that we need is away; the same call may succeed later."""


class FatalError(Exception):
    """Waiting does not help: the process must end, and an operator must act.

    Its text is logged: it names settings and fields, never what stands in them.
    """


class UnprocessableError(Exception):
    """No retry can mend this message: it is parked at once. `reason` is a code, no data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


TRANSIENT_ANYWHERE: Final[tuple[type[Exception], ...]] = (
    TransientError,
    ConnectionError,
    TimeoutError,
)
