"""Make the garbage collector run seldom: events are many objects without cycles."""

import gc
from typing import Final

_NEW_OBJECTS: Final = 20_000
_YOUNG_ROUNDS: Final = 20
_MIDDLE_ROUNDS: Final = 50


def calm() -> None:
    """Leave what the start made alone and wait for more before each look.

    Python's own threshold (700) costs 10 us for each event of a long stream, twice the decoding.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _YOUNG_ROUNDS, _MIDDLE_ROUNDS)
