"""Real PostgreSQL and Kafka, one of each per run of the tests (and per worker of xdist)."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from deploy.local.keys import make_keys
from deploy.local.places import Places
from deploy.local.postgres import at_database
from deploy.local.servers import Servers, start_servers
from deploy.postgres.job import apply, service_url


class Postgres:
    """The session's server; every test takes a database of its own."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url
        self.role_password = secrets.token_urlsafe(16)
        self._made: list[str] = []

    def new_database(self) -> str:
        """A database with roles, schemas and all migrations; 20 to 30 ms. The admin's address."""
        return self._create(f"test_{uuid4().hex}", self._template)

    def service_url(self, database: str, service: str) -> str:
        """The address of a database for the role of one service."""
        return service_url(database, service, self.role_password)

    def drop_all(self) -> None:
        """Leave a server that is not ours as it was found, but for the roles."""
        for name in reversed(self._made):
            self._run(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(name)))

    @cached_property
    def _template(self) -> str:
        name = f"template_{uuid4().hex}"
        apply(self._create(name, "template1"), self.role_password)
        return name

    def _create(self, name: str, template: str) -> str:
        names = sql.Identifier(name), sql.Identifier(template)
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(*names))
        self._made.append(name)
        return at_database(self.admin_url, name)

    def _run(self, command: sql.Composed) -> None:
        with psycopg.connect(at_database(self.admin_url, "postgres"), autocommit=True) as conn:
            conn.execute(command)


class Kafka:
    """The session's broker; every test takes a prefix of its own for topics and groups."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap


@contextmanager
def scratch_places() -> Generator[Places]:
    """A run folder that lives as long as the block; the database's user can pass through it."""
    folder = Path(tempfile.mkdtemp(prefix="guiche-"))
    folder.chmod(0o711)
    try:
        yield Places(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Both servers, started at once."""
    with scratch_places() as places:
        started = start_servers(places, durable=False)
        try:
            started.wait()
            yield started
        finally:
            started.discard()


@pytest.fixture(scope="session")
def postgres(servers: Servers) -> Iterator[Postgres]:
    """The server; see `new_database`."""
    made = Postgres(servers.database_url)
    yield made
    if "DATABASE_URL" in os.environ:
        made.drop_all()


@pytest.fixture(scope="session")
def kafka(servers: Servers) -> Kafka:
    """The broker."""
    return Kafka(servers.bootstrap)


@pytest.fixture
def kafka_prefix() -> str:
    """Put before the names of topics and groups."""
    return f"t{uuid4().hex[:10]}."


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Master key, signing keys and their public halves, as a run has them."""
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder)
    return folder
