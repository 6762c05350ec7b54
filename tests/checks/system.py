"""A whole system of a check's own: servers, services, simulator, in a folder that goes away."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import psycopg
import yaml
from psycopg import sql

from deploy import topics
from deploy.local.demo import SEED, load_demo
from deploy.local.installation import SIMULATOR, Installation, process_specs, service_of
from deploy.local.keys import make_keys, role_password
from deploy.local.places import Places
from deploy.local.ports import kept_ports
from deploy.local.process import Child, ProcessSpec
from deploy.local.servers import Servers, start_servers
from deploy.local.supervisor import Supervisor
from deploy.local.topology import Topology
from deploy.postgres import job
from shared.plumbing import tasks
from shared.plumbing.settings import CommonSettings
from tests.checks.table import CONSOLE, DifferenceError
from tests.support.stack import scratch_places
from tests.support.waiting import LateError, until

_LOOK_SECONDS: Final = 0.05
_READY_SECONDS: Final = 120.0
_CONNECTIONS: Final = 300
_MORE: Final = ("gateway-2", "gateway-3")  # that a check may start besides
_NOT_FROM_THE_SHELL: Final = (
    "DATABASE_URL",
    "KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_PREFIX",
    "FAILPOINT",
)
_SMALL: Final = Topology()
_QUIET: Final = {"throughput": False, "pair_rate": False}


class _OnceArmed(Child):
    """Has a failpoint at its first start, and none when it is started again."""

    def start(self) -> None:
        super().start()
        calm = {name: v for name, v in self.spec.environment.items() if name != "FAILPOINT"}
        self.spec = replace(self.spec, environment=calm)


class System:
    """What runs, and how a check reaches it from outside."""

    def __init__(
        self,
        installation: Installation,
        supervisor: Supervisor,
        http: aiohttp.ClientSession,
        seed: Path,
    ) -> None:
        self.installation = installation
        self.http = http
        self._supervisor = supervisor
        self._specs = {spec.name: spec for spec in process_specs(installation)}
        for spec in list(self._specs.values()):
            if service_of(spec.name) == "directory":
                environment = {**spec.environment, "DIRECTORY_SEED": str(seed)}
                self._specs[spec.name] = replace(spec, environment=environment)

    @property
    def public(self) -> Mapping[str, str]:
        """What `guiche.env` says."""
        return self.installation.public()

    @property
    def database_url(self) -> str:
        """The administrator's."""
        return self.installation.database_url

    @property
    def restarts(self) -> Mapping[str, int]:
        """How often each process was started again."""
        return self._supervisor.restarts

    def url(self, instance: str) -> str:
        """The address of a process."""
        return self.installation.url(instance)

    @property
    def doors(self) -> list[str]:
        """The addresses of all gateways."""
        return self.installation.urls("gateway").split(",")

    def start(self) -> None:
        """Start every process but the servers."""
        self._supervisor.add(Child(spec, self.installation.places) for spec in self._specs.values())

    def start_another(self, instance: str, like: str, environment: Mapping[str, str]) -> None:
        """One more process of a service, with other settings."""
        spec = self._specs[like]
        merged = {**spec.environment, **environment}
        self._specs[instance] = replace(spec, name=instance, environment=merged)
        self._supervisor.add([Child(self._specs[instance], self.installation.places)])

    async def restart_with(self, service: str, environment: Mapping[str, str]) -> None:
        """All processes of a service anew, with other settings from now on."""
        for instance in [name for name in self._specs if service_of(name) == service]:
            self._supervisor.stop([instance])
            spec = self._specs[instance]
            merged = {**spec.environment, **environment}
            self._specs[instance] = replace(spec, environment=merged)
            self._supervisor.add([Child(self._specs[instance], self.installation.places)])
            await self.instance_ready(instance)

    def pid(self, instance: str) -> int:
        """By the run folder, as an operator finds it."""
        return int(self.installation.places.pid(instance).read_text())

    def send(self, instance: str, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        os.kill(self.pid(instance), number)

    def arm(self, instance: str, failpoint: str) -> Child:
        """Kill it and start it with FAILPOINT; it dies there once. Nobody restarts it yet."""
        self.send(instance, signal.SIGKILL)
        self._supervisor.stop([instance])
        spec: ProcessSpec = self._specs[instance]
        armed = replace(spec, environment={**spec.environment, "FAILPOINT": failpoint})
        child = _OnceArmed(armed, self.installation.places)
        child.start()
        return child

    def watch(self, child: Child) -> None:
        """Leave the process to the supervisor, who starts it when it is dead."""
        self._supervisor.add([child])

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What an outside reader finds in the database; waits while it is away."""

        async def read() -> tuple[list[tuple[Any, ...]]] | None:
            with suppress(psycopg.OperationalError):
                conn = await psycopg.AsyncConnection.connect(self.database_url, autocommit=True)
                async with conn:
                    return (await (await conn.execute(statement.encode(), values)).fetchall(),)
            return None

        return (await until(read, what="the database does not answer", seconds=_READY_SECONDS))[0]

    async def parked(self) -> int:
        """How many items lie parked, in all schemas."""
        found = await self.rows("SELECT schemaname FROM pg_tables WHERE tablename = 'parked'")
        total = 0
        for (schema,) in found:
            count = sql.SQL("SELECT count(*) FROM {}.parked").format(sql.Identifier(schema))
            total += (await self.rows(count.as_string()))[0][0]
        return total

    async def control(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Ask the simulator to do something."""
        async with self.http.post(f"{self.url(SIMULATOR)}/control/{path}", json=body) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def ledger(self, only: str) -> list[dict[str, Any]]:
        """What the simulator saw: `requests` or `items`."""
        where = f"{self.url(SIMULATOR)}/control/ledger"
        async with self.http.get(where, params={"only": only}) as answer:
            answer.raise_for_status()
            body = await answer.json()
        return body[only]

    async def ready(self) -> None:
        """Return when every process says that it is; raises LateError."""
        for instance in self._specs:
            await self.instance_ready(instance)

    async def instance_ready(self, instance: str) -> None:
        """Return when one process says that it is; raises LateError."""

        async def asked() -> bool:
            return await self.is_ready(instance)

        await until(asked, what=f"{instance} is not ready", seconds=_READY_SECONDS)

    async def is_ready(self, instance: str) -> bool:
        """Whether it says so, now."""
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self.http.get(f"{self.url(instance)}/ready") as answer:
                return answer.status == 200
        return False


@asynccontextmanager
async def running(
    *,
    durable: bool,
    logs: Path | None,
    topology: Topology = _SMALL,
    bot: bool = False,
    texts: bool = True,
) -> AsyncGenerator[System]:
    """Start everything, wait until it is ready, end everything; logs are kept when asked.

    Without `bot` people wait for people on both numbers; without `texts` nothing is said by itself.
    """
    _clean_environment()
    with scratch_places() as places:
        make_keys(places.keys)
        servers = start_servers(places, topology, durable=durable)
        supervisor = Supervisor()
        try:
            async with _session() as http, _kept_alive(supervisor):
                seed = SEED if bot else _seed_without_flows(places, texts=texts)
                installation = await _prepared(places, topology, servers, supervisor)
                system = System(installation, supervisor, http, seed)
                system.start()
                await system.ready()
                await system.control("behaviour", _QUIET)
                yield system
        finally:
            supervisor.stop([name for name in supervisor.names if name not in servers.children])
            supervisor.stop(servers.children)
            servers.discard()
            if logs is not None:
                shutil.copytree(places.logs, logs, dirs_exist_ok=True)


def main(check: Coroutine[Any, Any, None]) -> None:
    """Run a check; the exit code tells how it ended."""
    try:
        asyncio.run(_ended_by_signals(check))
    except (DifferenceError, LateError) as failed:
        CONSOLE.print(f"failed: {failed}", markup=False)
        raise SystemExit(1) from None
    except ExceptionGroup as failed:
        wrong, broken = failed.split((DifferenceError, LateError))
        if broken is not None or wrong is None:
            raise
        CONSOLE.print(f"failed: {wrong.exceptions}", markup=False)
        raise SystemExit(1) from None


async def _ended_by_signals(check: Coroutine[Any, Any, None]) -> None:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await check


def _clean_environment() -> None:
    for name in _NOT_FROM_THE_SHELL:
        os.environ.pop(name, None)
    os.environ["GUICHE_SIMULATE"] = "0"


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
    )


async def _prepared(
    places: Places,
    topology: Topology,
    servers: Servers,
    supervisor: Supervisor,
) -> Installation:
    await asyncio.to_thread(servers.wait)
    supervisor.add(servers.children.values())
    await asyncio.to_thread(job.apply, servers.database_url, role_password(places.keys))
    await topics.apply(CommonSettings(kafka_bootstrap_servers=servers.bootstrap))
    ports = kept_ports(places.ports, (*topology.instances, SIMULATOR, *_MORE))
    return Installation(
        places=places,
        ports=ports,
        database_url=servers.database_url,
        bootstrap=servers.bootstrap,
        demo=load_demo(places),
        topology=topology,
    )


def _seed_without_flows(places: Places, *, texts: bool) -> Path:
    """The demo account whose second number waits for people, as the first does."""
    seed = yaml.safe_load(SEED.read_text())
    for account in seed["accounts"]:
        for connection in account["connections"]:
            connection |= {"entry": "waiting"}
            connection.pop("flow", None)
            if not texts:
                connection.pop("texts", None)
    file = places.run / "seed.yaml"
    file.write_text(yaml.safe_dump(seed, allow_unicode=True))
    return file


@asynccontextmanager
async def _kept_alive(supervisor: Supervisor) -> AsyncGenerator[None]:
    watch = asyncio.create_task(_keep_alive(supervisor))
    try:
        yield
    finally:
        await tasks.end(watch)


async def _keep_alive(supervisor: Supervisor) -> None:
    while True:
        supervisor.look()
        await asyncio.sleep(_LOOK_SECONDS)
