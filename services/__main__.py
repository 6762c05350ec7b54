"""`guiche`, the operators' tool: the verbs of every service's `ops.py`, and those of the whole."""

import importlib
import importlib.util
import pkgutil
from typing import Annotated, Final

import typer

import services
from deploy.local import operating

app: Final = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
_ABOUT_THE_RUN: Final = frozenset({"run", "stop", "reset"})
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.callback()
def guiche(context: typer.Context) -> None:
    """Guichê's tool for operators."""
    if context.invoked_subcommand not in _ABOUT_THE_RUN:
        operating.adopt_local_run()


@app.command()
def run() -> None:
    """Start everything on this machine, until Ctrl-C."""
    operating.run()


@app.command()
def stop() -> None:
    """End what `run` started here."""
    operating.stop()


@app.command()
def reset() -> None:
    """End it, and forget all data, keys and ports."""
    operating.reset()


@app.command()
def migrate() -> None:
    """Bring the database to its newest form: DATABASE_URL, GUICHE_ROLE_PASSWORD."""
    operating.migrate()


@app.command()
def topics() -> None:
    """Create the topics that are missing; refuse a cluster that differs."""
    operating.topics()


@app.command()
def doctor(*, as_json: Json = False) -> None:
    """Look at each dependency, topic, migration and lease, and say what to do."""
    raise typer.Exit(operating.doctor(as_json=as_json))


@app.command()
def lag(*, as_json: Json = False) -> None:
    """How far behind, in seconds: each consumer group, and each position of our own."""
    operating.lag(as_json=as_json)


def gather() -> None:
    """Add the verbs of each service under its name."""
    for found in pkgutil.iter_modules(services.__path__):
        name = f"{services.__name__}.{found.name}.ops"
        if found.ispkg and importlib.util.find_spec(name) is not None:
            app.add_typer(importlib.import_module(name).app, name=found.name)


def main() -> None:
    """The console script."""
    gather()
    app()


if __name__ == "__main__":
    main()
