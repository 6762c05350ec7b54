"""docs/features.md: what Guichê can do, and the story that shows each over the whole system."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
STORIES: Final = ROOT / "tests" / "flows"
FILE: Final = ROOT / "docs" / "features.md"
_HEAD: Final = """\
<!-- Written by `make docs` from tests/flows: do not edit. -->
# Features

Each row is told as a story by a test that starts every service and uses the public API alone.

| feature | test |
| --- | --- |
"""


class UntoldStoryError(Exception):
    """A story that does not say which feature it shows."""


def stories() -> Iterator[tuple[str, str]]:
    """Feature and test, in the order of the files; raises UntoldStoryError."""
    for file in sorted(STORIES.glob("test_*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_"):
                told = ast.get_docstring(node)
                if told is None:
                    raise UntoldStoryError(node.name)
                yield told.splitlines()[0].removesuffix("."), f"{file.name}::{node.name}"


def text() -> str:
    """The page."""
    return _HEAD + "".join(f"| {feature} | `tests/flows/{test}` |\n" for feature, test in stories())
