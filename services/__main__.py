"""`guiche`, the operators' tool: the verbs of every service's `ops.py`, and those of the whole.

Every verb imports what it needs when it is called: `guiche stop` does not wait for a web framework.
"""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Annotated, Any, Final

import typer

import services

app: Final = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
parked: Final = typer.Typer(help="Messages that a service could not apply.", no_args_is_help=True)
outbox: Final = typer.Typer(help="What waits to be published.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Service = Annotated[str, typer.Option("--service", help="Whose table.")]
Seq = Annotated[int, typer.Argument(metavar="SEQ", help="As `list` prints it.")]
_WHOLE: Final = frozenset({"run", "stop", "reset", "migrate", "topics", "doctor", "lag", "top"})
_ABOUT_THE_RUN: Final = frozenset({"run", "stop", "reset"})
_INTERRUPTED: Final = 130  # as a shell says of a program that Ctrl-C ended
_AWAY: Final = "a server that this asks is away; `guiche doctor` says more"


@app.callback()
def guiche(context: typer.Context) -> None:
    """Guichê's tool for operators."""
    if context.invoked_subcommand not in _ABOUT_THE_RUN:
        _operating().adopt_local_run()


@app.command()
def run() -> None:
    """Start everything on this machine, until Ctrl-C."""
    _operating().run()


@app.command()
def stop() -> None:
    """End what `run` started here."""
    typer.echo(_stopping().stop())


@app.command()
def reset() -> None:
    """End it, and forget all data, keys and ports."""
    typer.echo(_stopping().reset())


@app.command()
def migrate() -> None:
    """Bring the database to its newest form: DATABASE_URL, GUICHE_ROLE_PASSWORD."""
    _operating().migrate()


@app.command()
def topics() -> None:
    """Create the topics that are missing; refuse a cluster that differs."""
    _operating().topics()


@app.command()
def doctor(*, as_json: Json = False) -> None:
    """Look at each dependency, topic, migration and lease, and say what to do."""
    raise typer.Exit(_operating().doctor(as_json=as_json))


@app.command()
def lag(*, as_json: Json = False) -> None:
    """How far behind, in seconds: each consumer group, and each position of our own."""
    _operating().lag(as_json=as_json)


@app.command()
def top(
    *,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 2.0,
    times: Annotated[
        int | None, typer.Option(min=1, help="Looks; without end if left out.")
    ] = None,
) -> None:
    """What each process does now: state, rates, lag, parked, restarts; Ctrl-C ends it."""
    _operating().top(every, times)


@parked.command("list")
def list_parked() -> None:
    """Those of every service: where each stood, why it waits, when it is tried next."""
    for name, verbs in _all_parked().items():
        typer.echo(f"{name}:")
        _in(verbs, "list")


@parked.command()
def show(number: Seq, service: Service = "tickets") -> None:
    """Its headers and body: personal data."""
    _in(_parked_of(service), "show", str(number))


@parked.command()
def retry(number: Seq, service: Service = "tickets") -> None:
    """Try it at once, and for another hour."""
    _in(_parked_of(service), "retry", str(number))


@parked.command()
def skip(number: Seq, service: Service = "tickets") -> None:
    """Give it up; the next of its key is tried."""
    _in(_parked_of(service), "skip", str(number))


@outbox.callback()
def waiting() -> None:
    """What waits to be published."""


@outbox.command()
def status(*, as_json: Json = False) -> None:
    """Of every service with an outbox: how many messages, and how old the oldest is."""
    names = [name for name, _ in _all_ops()]
    urls = {
        name: importlib.import_module(f"services.{name}.settings").Settings().database_url
        for name in names
    }
    importlib.import_module("shared.plumbing.outbox_verbs").show_outboxes(urls, as_json=as_json)


def gather() -> None:
    """Add the verbs of each service under its name, and those it offers without it."""
    app.add_typer(parked, name="parked")
    app.add_typer(outbox, name="outbox")
    for name, ops in _all_ops():
        app.add_typer(ops.app, name=name)
        for verb, verbs in getattr(ops, "EVERYWHERE", ()):
            app.add_typer(verbs, name=verb)


def main() -> None:
    """The console script."""
    try:
        if not _WHOLE.intersection(sys.argv[1:2]):
            gather()
        app()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as error:
        if _ABOUT_THE_RUN.intersection(sys.argv[1:2]) or not _operating().is_away(error):
            raise
        typer.echo(f"{type(error).__name__}: {_AWAY}", err=True)
        sys.exit(1)


def _all_ops() -> Iterator[tuple[str, ModuleType]]:
    for found in pkgutil.iter_modules(services.__path__):
        if found.ispkg and importlib.util.find_spec(f"services.{found.name}.ops"):
            yield found.name, _ops(found.name)


def _ops(service: str) -> ModuleType:
    return importlib.import_module(f"services.{service}.ops")


def _all_parked() -> dict[str, typer.Typer]:
    return {name: ops.parked for name, ops in _all_ops() if hasattr(ops, "parked")}


def _parked_of(service: str) -> typer.Typer:
    every = _all_parked()
    if service not in every:
        message = f"{service} parks nothing: one of {', '.join(every)}"
        raise typer.BadParameter(message, param_hint="--service")
    return every[service]


def _in(verbs: typer.Typer, *arguments: str) -> None:
    ended = typer.main.get_command(verbs)(arguments, standalone_mode=False)
    if ended:  # what `typer.Exit` carried
        raise typer.Exit(ended)


def _operating() -> Any:  # noqa: ANN401  a module
    return importlib.import_module("deploy.local.operating")


def _stopping() -> Any:  # noqa: ANN401  a module
    return importlib.import_module("deploy.local.stopping")


if __name__ == "__main__":
    main()
