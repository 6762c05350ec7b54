"""Reads a flow from YAML, strictly: each key once, `yes` is a word, no tags, 256 KiB at most."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from services.bot.domain.flow import Flow
from services.bot.handlers.publish import Read

LARGEST_BYTES: Final = 256 * 1024
_BOOLEAN: Final = "tag:yaml.org,2002:bool"


class FlowFileError(ValueError):
    """A file that is no flow; one line for each thing that is wrong."""

    def __init__(self, path: Path, lines: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {line}" for line in lines))
        self.lines = lines


class _Loader(yaml.SafeLoader):
    """YAML as people mean it."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  as yaml calls it
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                problem = f"key {key.value} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def flow_files(folder: Path) -> list[Path]:
    """The files of flows in a folder; none when it is not there."""
    return sorted(folder.glob("*.yaml"))


def read_flow(path: Path) -> Flow:
    """The definition in a file; raises FlowFileError."""
    try:
        found = path.read_bytes()
        if len(found) > LARGEST_BYTES:
            raise FlowFileError(path, [f"larger than {LARGEST_BYTES} bytes"])
        read = yaml.load(found, _Loader)  # noqa: S506  a SafeLoader
        if not isinstance(read, dict):
            raise FlowFileError(path, ["is no flow: there is no `key`"])
        return Flow.model_validate(read)
    except OSError as error:
        raise FlowFileError(path, [error.strerror or type(error).__name__]) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        said = " ".join(str(error).split()).replace('in "<byte string>", ', "in ")
        raise FlowFileError(path, [f"no YAML: {said}"]) from error
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, each['loc'])) or 'the file'}: {_said(each['msg'])}"
            for each in error.errors()
        ]
        raise FlowFileError(path, lines) from error


def _said(message: str) -> str:
    """What a check of ours raised, without who passed it on."""
    return message.removeprefix("Value error, ")


def read_flows(folder: Path) -> list[Read]:
    """Every file of the folder, with its definition or what is wrong with it."""
    found: list[Read] = []
    for path in flow_files(folder):
        try:
            found.append(Read(path.name, read_flow(path)))
        except FlowFileError as error:
            found.append(Read(path.name, None, "; ".join(error.lines)))
    return found
