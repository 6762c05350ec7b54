"""Is a parameter there, and does it fit? Meta's refusals for single parameters."""

from deploy.simulator.errors import RefusedError
from deploy.simulator.json_values import Json, as_object


def required(shape: Json, key: str, limit: int | None = None) -> str:
    """A text that must be there, and not longer than `limit` characters."""
    text = shape.get(key)
    if text is None or text == "":
        raise RefusedError(131008, f"The parameter {key} is required.")
    if not isinstance(text, str):
        raise RefusedError(131009, f"The parameter {key} must be a string.")
    if limit is not None and len(text) > limit:
        raise RefusedError(100, f"Param {key} must be at most {limit} characters long.")
    return text


def an_object(value: object, name: str) -> Json:
    """A JSON object, or Meta's refusal."""
    shape = as_object(value)
    if shape is None:
        raise RefusedError(131009, f"The parameter {name} must be an object.")
    return shape
