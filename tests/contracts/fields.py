"""Which fields does a contract have, and may one version follow another?

`python -m tests.contracts.fields` writes the stored copy anew: read the difference first.
"""

import json
import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import shared.contracts
from shared.contracts.envelope import Contract, Message
from shared.contracts.internal_api import Request
from tests.contracts.registries import TYPES

STORED = Path(__file__).with_name("fields.json")

Fields = Mapping[str, Mapping[str, str]]  # contract → field → what it is


def fields_now() -> Fields:
    """Every message type, every part of one, every HTTP body."""
    return {name: dict(_fields(kind)) for name, kind in sorted(_contracts().items())}


def stored_fields() -> Fields:
    return json.loads(STORED.read_text())


def breaks(before: Fields, after: Fields) -> list[str]:
    """What a reader or writer of `before` could not live with."""
    return [
        *(f"{name}: gone" for name in before if name not in after),
        *(
            broken
            for name in before
            if name in after
            for broken in _broken(name, before[name], after[name])
        ),
    ]


def _broken(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for field, what in before.items():
        if field not in after:
            yield f"{name}.{field}: gone"
        elif after[field] != what:
            yield f"{name}.{field}: was {what}, is {after[field]}"
    for field in after.keys() - before.keys():
        if after[field].startswith("required"):
            yield f"{name}.{field}: added and required"


def _contracts() -> Mapping[str, type[BaseModel]]:
    parts = {
        f"{kind.__module__.removeprefix('shared.contracts.')}.{kind.__name__}": kind
        for kind in _loaded()
        if not issubclass(kind, Message)
    }
    return {**parts, **TYPES}


def _loaded() -> Iterator[type[BaseModel]]:
    for module in pkgutil.iter_modules(shared.contracts.__path__):
        import_module(f"shared.contracts.{module.name}")
    for base in (Contract, Request):
        yield from _below(base)


def _below(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for kind in base.__subclasses__():
        if kind.__module__.startswith("shared.contracts."):
            yield kind
            yield from _below(kind)


def _fields(kind: type[BaseModel]) -> Iterator[tuple[str, str]]:
    schema: dict[str, Any] = kind.model_json_schema(mode="validation")
    required = set(schema.get("required", ()))
    for name, shape in sorted(schema.get("properties", {}).items()):
        yield name, f"{'required' if name in required else 'optional'} {_shape(shape)}"


def _shape(shape: Mapping[str, Any]) -> str:
    bare = {key: value for key, value in shape.items() if key not in {"title", "default"}}
    return json.dumps(bare, sort_keys=True).replace("#/$defs/", "")


if __name__ == "__main__":
    STORED.write_text(json.dumps(fields_now(), indent=1, ensure_ascii=False) + "\n")
