"""Where does the simulator's randomness come from? From seeds, so that a run can be repeated."""

from random import Random


def seeded(*parts: object) -> Random:
    """A generator that depends on nothing but its parts."""
    return Random(":".join(str(part) for part in parts))  # noqa: S311 - play, not security
