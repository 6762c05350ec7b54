"""Which failures pass by waiting, because something that we need is away?"""

from typing import Final


class TransientError(Exception):
    """Something that we need is away; the same call may succeed later."""


TRANSIENT_ANYWHERE: Final[tuple[type[Exception], ...]] = (
    TransientError,
    ConnectionError,
    TimeoutError,
)
