"""The types of fields in a flow's file, and the base of everything that stands in one."""

from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.functional_validators import BeforeValidator

ID_PATTERN: Final = r"^[a-z][a-z0-9_]{0,63}$"
WITHOUT_NUL: Final = Field(pattern=r"^[^\x00]*$")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class FilePart(BaseModel):
    """A part of the file; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _seconds(value: object) -> object:
    if isinstance(value, str) and value[:-1].isdigit() and value[-1:] in _SECONDS:
        return int(value[:-1]) * _SECONDS[value[-1]]
    if isinstance(value, int):
        return value
    message = "is no duration: write seconds, or a number with s, m, h or d, as 30m"
    raise ValueError(message)


Id = Annotated[str, Field(pattern=ID_PATTERN)]
Text = Annotated[str, Field(min_length=1, max_length=4096), WITHOUT_NUL]
Label = Annotated[str, Field(min_length=1, max_length=80), WITHOUT_NUL]
Duration = Annotated[
    int,
    BeforeValidator(_seconds, json_schema_input_type=int | str),
    Field(ge=1, le=30 * 86_400),
    PlainSerializer(int),
]
"""Seconds, or a number with `s`, `m`, `h` or `d`; 30 days at most."""
Edges: TypeAlias = Id | dict[str, Id]
"""The node behind the main outputs, or the node behind each output."""
