"""Who of a run folder is in the process table? Looked up without the code under test."""

import os
from contextlib import suppress
from pathlib import Path


def processes_of(folder: Path) -> dict[int, str]:
    """Every process that works in the folder, was started with it, or carries its name."""
    found: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            said = (
                command + (entry / "environ").read_bytes() + os.fsencode((entry / "cwd").readlink())
            )
            if os.fsencode(folder) in said and int(entry.name) != os.getpid():
                found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found
