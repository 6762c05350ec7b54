"""How is JSON of unknown shape read without trusting it?"""

from typing import cast

Json = dict[str, object]


def as_object(value: object) -> Json | None:
    """The value when it is a JSON object."""
    return cast("Json", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[object] | None:
    """The value when it is a JSON array."""
    return cast("list[object]", value) if isinstance(value, list) else None


def as_text(value: object) -> str | None:
    """The value when it is a string that says something."""
    return value if isinstance(value, str) and value else None
