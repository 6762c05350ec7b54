"""What do the contracts say about themselves? Fields, notes beside them, parts, examples."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel

import shared.contracts
from shared.contracts.envelope import Contract, Message

ROOT: Final = Path(__file__).parents[2]
_EXAMPLES: Final = Path(shared.contracts.__file__).with_name("examples")
_ABSTRACT: Final = (BaseModel, Contract, Message)

ABOUT: Final = {
    "inbound.events": "What Meta's webhooks said: one normalised item per message, its raw JSON "
    "beside it.",
    "tickets.commands": "What a flow asks of a ticket.",
    "tickets.replies": "What became of each command of a flow.",
    "tickets.events": "What happened to contacts, conversations, tickets and messages: every "
    "version of every stream, in plain text.",
    "outbound.commands": "What must be sent to Meta.",
    "outbound.events": "What became of what was sent.",
    "bot.events": "Which way a conversation took through a flow; never what the customer answered.",
    "directory.events": "What an administrator set up: the newest state of each entity, without "
    "secrets.",
    "inbox.changes": "What changed on the screens, with who could see it before and sees it now.",
    "presence": "Who is looking at what, right now.",
    "ingest.dead": "Items that belong to nobody, or that nobody could read.",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body."""

    name: str
    shape: Mapping[str, Any]  # its JSON schema
    required: bool
    note: str  # the comment beside it


def fields(kind: type[BaseModel]) -> Iterator[Field]:
    """Those of a contract, common ones first."""
    schema = kind.model_json_schema()
    required = set(schema.get("required", ()))
    notes = _notes(kind)
    for name, shape in schema.get("properties", {}).items():
        yield Field(name, shape, name in required, notes.get(name, ""))


def parts(kind: type[BaseModel]) -> Mapping[str, type[BaseModel]]:
    """The contracts that a body is made of, by the name of their class, however deep."""
    found: dict[str, type[BaseModel]] = {}
    waiting = [kind]
    while waiting:
        for field in waiting.pop().model_fields.values():
            for part in _models(field.annotation):
                if found.setdefault(part.__name__, part) is not part:
                    message = f"two parts of {kind.__name__} are called {part.__name__}"
                    raise ValueError(message)
                waiting.append(part)
    return found


def name_of(kind: type[BaseModel]) -> str:
    """A message's type, or `<module>.<Class>` of a part."""
    if issubclass(kind, Message):
        return kind.TYPE
    return f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"


def about(kind: type[BaseModel]) -> str:
    """Its docstring, as one paragraph."""
    return " ".join((inspect.getdoc(kind) or "").split())


def example(kind: type[Message]) -> str:
    """The golden example, as it stands in its file."""
    return (_EXAMPLES / f"{kind.TYPE}.json").read_text().strip()


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _notes(kind: type[BaseModel]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, BaseModel) and base not in _ABSTRACT:
            found.update(_notes_in(base))
    return found


@cache
def _notes_in(kind: type[BaseModel]) -> Mapping[str, str]:
    source = inspect.getsource(kind)
    lines = source.splitlines()
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            behind = lines[(node.end_lineno or 1) - 1][node.end_col_offset or 0 :]
            found[node.target.id] = behind.partition("#")[2].strip()
    return found
