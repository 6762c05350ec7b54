"""What was published once is read with the same meaning for ever."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.registries import TYPES

PUBLISHED = sorted(Path(__file__).with_name("published").glob("*/*.json"))


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_field_of_a_published_message_is_read_as_it_was(path: Path) -> None:
    written = json.loads(path.read_bytes())
    read = json.loads(TYPES[path.stem].read(path.read_bytes()).body())
    assert _known(written, read) == written


def test_there_is_something_to_read() -> None:
    assert len(PUBLISHED) > 80


def _known(written: Any, read: Any) -> Any:  # noqa: ANN401  any JSON
    """What was read, without the fields that came later."""
    match written, read:
        case dict(), dict():
            fields = dict[str, Any](written)  # pyright: ignore[reportUnknownArgumentType]
            return {name: _known(fields[name], read[name]) for name in fields if name in read}
        case list(), list() if len(written) == len(read):  # pyright: ignore[reportUnknownArgumentType]
            return [_known(one, read[n]) for n, one in enumerate(list[Any](written))]  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return read
