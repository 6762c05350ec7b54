"""`make run`: the whole system on this machine, until Ctrl-C."""

import asyncio
import signal
import sys
from time import monotonic
from typing import Final

import aiohttp
from rich.console import Console
from rich.live import Live

from deploy import topics
from deploy.local import screen
from deploy.local.demo import load_demo
from deploy.local.installation import SIMULATOR, Installation, process_specs
from deploy.local.keys import make_keys, role_password
from deploy.local.locking import sole_supervisor
from deploy.local.places import Places
from deploy.local.ports import kept_ports
from deploy.local.process import Child, end_leftovers
from deploy.local.servers import Servers, start_servers
from deploy.local.summary import Look, Observer
from deploy.local.supervisor import Supervisor
from deploy.local.topology import Topology, wanted_topology
from deploy.postgres import job
from shared.plumbing.settings import CommonSettings

_LOOK_SECONDS: Final = 0.1
_SCREEN_SECONDS: Final = 2.0
_LINE_SECONDS: Final = 10.0
_READY_SECONDS: Final = 60.0
_HTTP_SECONDS: Final = 5.0


def run(places: Places) -> None:
    """Start everything, show how it does, end everything.

    Raises AlreadyRunningError and TopologyError.
    """
    with sole_supervisor(places):
        topology = wanted_topology(places)
        end_leftovers(places)
        places.environment.unlink(missing_ok=True)
        asyncio.run(_run(places, topology, Console()))


async def _run(places: Places, topology: Topology, console: Console) -> None:
    stopped = _on_signals()
    began = monotonic()
    make_keys(places.keys)
    console.print("starting PostgreSQL and Kafka (the first start downloads what is missing)")
    servers = start_servers(places, topology)
    supervisor = Supervisor()
    try:
        installation = await _prepare(places, topology, servers, console)
        supervisor.add(servers.children.values())
        supervisor.add(Child(spec, places) for spec in process_specs(installation))
        _name_first_instances(installation)
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_keep_alive(supervisor))
            await _serve(installation, supervisor, stopped, console, began)
            watch.cancel()
    finally:
        console.print("ending")
        supervisor.stop([name for name in supervisor.names if name not in servers.children])
        supervisor.stop(servers.children)
        servers.stop()
        end_leftovers(places)
        places.environment.unlink(missing_ok=True)
        places.servers.unlink(missing_ok=True)


async def _prepare(
    places: Places, topology: Topology, servers: Servers, console: Console
) -> Installation:
    await asyncio.to_thread(servers.wait)
    password = role_password(places.keys)
    await asyncio.to_thread(job.apply, servers.database_url, password)
    made = await topics.apply(CommonSettings(kafka_bootstrap_servers=servers.bootstrap))
    console.print(f"database is migrated, {made} topics created")
    return Installation(
        places=places,
        ports=kept_ports(places.ports, (*topology.instances, SIMULATOR)),
        database_url=servers.database_url,
        bootstrap=servers.bootstrap,
        demo=load_demo(places),
        topology=topology,
    )


async def _serve(
    installation: Installation,
    supervisor: Supervisor,
    stopped: asyncio.Event,
    console: Console,
    began: float,
) -> None:
    timeout = aiohttp.ClientTimeout(total=_HTTP_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        observer = Observer(http, installation)
        look = await _first_ready(observer, stopped)
        if stopped.is_set():
            return
        _write_environment(installation)
        _introduce(installation, console, monotonic() - began, look)
        if sys.stdout.isatty():
            await _refresh(observer, supervisor, stopped, console)
        else:
            await _print_lines(observer, supervisor, stopped, console)


async def _first_ready(observer: Observer, stopped: asyncio.Event) -> Look:
    deadline = monotonic() + _READY_SECONDS
    while True:
        look = await observer.look()
        if not look.waiting or monotonic() > deadline or await _set_within(stopped, 0.2):
            return look


async def _refresh(
    observer: Observer, supervisor: Supervisor, stopped: asyncio.Event, console: Console
) -> None:
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while not await _set_within(stopped, _SCREEN_SECONDS):
            look = await observer.look()
            live.update(screen.table(look, supervisor.restarts), refresh=True)


async def _print_lines(
    observer: Observer, supervisor: Supervisor, stopped: asyncio.Event, console: Console
) -> None:
    while not await _set_within(stopped, _LINE_SECONDS):
        look = await observer.look()
        console.out(screen.line(look, supervisor.restarts), highlight=False)


async def _keep_alive(supervisor: Supervisor) -> None:
    while True:
        supervisor.look()
        await asyncio.sleep(_LOOK_SECONDS)


def _name_first_instances(installation: Installation) -> None:
    """`tickets.pid` and `tickets.log` are those of `tickets-1`."""
    places = installation.places
    for name in installation.topology.instances:
        service, dash, number = name.partition("-")
        if dash and number == "1":
            for file, first in (
                (places.pid(service), places.pid(name)),
                (places.log(service), places.log(name)),
            ):
                file.unlink(missing_ok=True)
                file.symlink_to(first.name)


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _on_signals() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    return stopped


def _write_environment(installation: Installation) -> None:
    file = installation.places.environment  # who waits for it reads all of it at once
    scratch = file.with_suffix(".new")
    scratch.touch(mode=0o600)
    scratch.write_text("".join(f"{key}={value}\n" for key, value in installation.public().items()))
    scratch.replace(file)


def _introduce(installation: Installation, console: Console, seconds: float, look: Look) -> None:
    public = installation.public()
    console.print(f"\n[bold]Guichê[/] runs ({seconds:.1f} s)")
    for title, name in (
        ("API", "GUICHE_API"),
        ("webhook", "GUICHE_WEBHOOK"),
        ("simulator", "GUICHE_SIMULATOR"),
        ("administrator", "GUICHE_ADMIN_LOGIN"),
        ("agents", "GUICHE_AGENT_LOGINS"),
        ("password of all", "GUICHE_PASSWORD"),
    ):
        console.out(f"  {title:16} {public[name]}", highlight=False)
    console.out(f"  {'all of it':16} {installation.places.environment}", highlight=False)
    console.out("  Ctrl-C or `make stop` ends it\n", highlight=False)
    for name, what in look.waiting.items():
        console.out(f"  not ready: {name} waits for {what}", highlight=False)
