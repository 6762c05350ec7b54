"""How does PostgreSQL run as a local process? (broker.md 3)."""

import os
import shutil
import signal
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from deploy.local import owner
from deploy.local.binaries import find_binaries, major_version
from deploy.local.places import Places
from deploy.local.ports import LOOPBACK
from deploy.local.process import ProcessSpec

_DATABASE: Final = "guiche"
_SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
}
_FAST: Final = {"fsync": "off", "full_page_writes": "off"}  # for tests: a crash may lose all


class PostgresSilentError(Exception):
    """The server did not answer in time; its log tells why."""

    def __init__(self) -> None:
        super().__init__("PostgreSQL does not answer; `.run/logs/postgres.log` says why")


@dataclass(frozen=True, slots=True)
class PreparedPostgres:
    """How to start it, and where it answers."""

    spec: ProcessSpec
    url: str


def prepare_postgres(
    places: Places, port: int, password: str, *, durable: bool = True
) -> PreparedPostgres:
    """Make the cluster when it is new, and say how to start."""
    user = owner.owner()
    home = owner.reachable_home(places.run / "postgres", user)
    binaries = find_binaries(home, user)
    data = home / f"data-{major_version(binaries)}"
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
    if not (data / "PG_VERSION").exists():
        _make_cluster(binaries, data, user, password, environment)
    settings = _SETTINGS if durable else {**_SETTINGS, **_FAST}
    spec = ProcessSpec(
        name="postgres",
        argv=(
            *(str(binaries / "postgres"), "-D", str(data), "-p", str(port)),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ),
        environment=environment,
        folder=data,
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGINT,
        user=user,
    )
    return PreparedPostgres(spec, f"postgresql://postgres:{password}@{LOOPBACK}:{port}/{_DATABASE}")


def wait_for_postgres(url: str, seconds: float = 60.0) -> None:
    """Return as soon as the server answers; raises PostgresSilentError."""
    deadline = monotonic() + seconds
    while True:
        try:
            psycopg.connect(at_database(url, "postgres"), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if monotonic() > deadline:
                raise PostgresSilentError from error
            sleep(0.05)
        else:
            return


def ensure_database(url: str) -> None:
    """Create the database that the address names, when it is missing."""
    name = conninfo_to_dict(url)["dbname"]
    with psycopg.connect(at_database(url, "postgres"), autocommit=True) as conn:
        there = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if there is None:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(str(name))))


def at_database(url: str, name: str) -> str:
    """The same server, another database."""
    base, _, options = url.partition("?")
    return f"{base.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")


def _make_cluster(
    binaries: Path, data: Path, user: str | None, password: str, environment: Mapping[str, str]
) -> None:
    fresh = data.with_name(f"{data.name}.new")  # renamed when it is whole
    shutil.rmtree(fresh, ignore_errors=True)
    owner.give(fresh, user)
    with _password_file(data.with_name("password.new"), password, user) as file:
        subprocess.run(
            [
                *(binaries / "initdb", "-D", fresh, "-U", "postgres", "-A", "scram-sha-256"),
                *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync", f"--pwfile={file}"),
            ],
            user=user,
            group=None if user is None else owner.group_of(user),
            extra_groups=None if user is None else [],
            cwd=fresh,
            env=environment,
            check=True,
            capture_output=True,
            timeout=120,
        )
    fresh.rename(data)


@contextmanager
def _password_file(file: Path, password: str, user: str | None) -> Generator[Path]:
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(password)
    if user is not None:
        shutil.chown(file, user)
    try:
        yield file
    finally:
        file.unlink()
