"""As whom does PostgreSQL run? It refuses root: then as `postgres` or `nobody`."""

import hashlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Final

_CANDIDATES: Final = ("postgres", "nobody")
_OPEN: Final = 0o711  # may be passed through, not listed


class NoOwnerError(Exception):
    """Root runs this, and there is no user to whom the database could be given."""


def owner() -> str | None:
    """The user to run as; None when we are not root and run as we are."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in _CANDIDATES:
        if name in known:
            return name
    raise NoOwnerError(_CANDIDATES)


def group_of(user: str) -> int:
    """The group that is the user's first."""
    return pwd.getpwnam(user).pw_gid


def give(folder: Path, user: str | None) -> None:
    """Make the folder and give it, and nothing above it, to the user."""
    folder.mkdir(parents=True, exist_ok=True)
    if user is not None:
        shutil.chown(folder, user, group_of(user))


def reachable_home(wanted: Path, user: str | None) -> Path:
    """`wanted`, or, when the user cannot get there (a private home), a folder of its own elsewhere.

    Nobody's home is opened to the world for a database.
    """
    wanted.mkdir(parents=True, exist_ok=True)
    if user is None or can_read(wanted, user):
        return wanted
    elsewhere = far_home(wanted)
    elsewhere.mkdir(parents=True, exist_ok=True)
    elsewhere.chmod(_OPEN)
    return elsewhere


def far_home(wanted: Path) -> Path:
    """Where the data of a folder lies that the database's user cannot reach."""
    key = hashlib.sha256(str(wanted).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"guiche-{key}"  # noqa: S108  survives a restart; 0711, root's


def can_read(path: Path, user: str) -> bool:
    """Whether the user gets there."""
    tried = subprocess.run(
        ["/bin/sh", "-c", 'test -r "$0" && test -x "$0"', str(path)],
        user=user,
        group=group_of(user),
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return tried.returncode == 0
