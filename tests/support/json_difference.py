"""What does one JSON value say that a later one does not say any more?"""

from collections.abc import Iterator

from pydantic import JsonValue


def differences(before: JsonValue, now: JsonValue, place: str = "") -> Iterator[str]:
    """A line per difference; the objects of `now` may have more fields than those of `before`."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name, value in before.items():
            at = f"{place}.{name}" if place else name
            if name in now:
                yield from differences(value, now[name], at)
            else:
                yield f"{at}: gone"
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (value, other) in enumerate(zip(before, now, strict=True)):
            yield from differences(value, other, f"{place}.{number}")
    elif before != now or type(before) is not type(now):
        yield f"{place}: was {before!r}, is {now!r}"
