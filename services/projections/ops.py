"""The verbs of an operator for the read models."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Final, TypeVar

import typer
from aiokafka.errors import KafkaError

from services.projections.adapters import admin
from services.projections.adapters.admin import Standing
from services.projections.adapters.consumer_groups import GroupStaysError
from services.projections.handlers.catch_up import BATCH_EVENTS
from services.projections.handlers.rebuild import RebuildProgress, TooManyModelsError
from services.projections.handlers.verify import Comparison
from services.projections.storage.models import (
    BehindLiveError,
    BusyError,
    LiveModelError,
    Model,
    NoSuchModelError,
    NothingBeforeError,
    NothingNewerError,
    OtherFormError,
    WrongStateError,
)
from shared.plumbing import gc_tuning
from shared.plumbing.cli_output import Json, show_rows
from shared.plumbing.parked_verbs import parked_verbs

_SAID: Final[dict[type[Exception], str]] = {
    NoSuchModelError: "there is no such model (`status` prints those that are)",
    OtherFormError: "another version of this program made the model",
    WrongStateError: "the model does not follow now",
    NothingNewerError: "no new model waits: `rebuild` makes one, `rollback` goes back",
    NothingBeforeError: "readers have seen no other model before: nothing to go back to",
    LiveModelError: "readers see this model",
    BehindLiveError: "the model is behind the other one",
    BusyError: "another process builds or compares models",
    TooManyModelsError: "there is a second model already: switch, or drop it",
}
T = TypeVar("T")

app: Final = typer.Typer(help="The read models: where they are, rebuilding, what is parked.")
_Number = Annotated[int | None, typer.Argument(metavar="MODEL", help="As `status` prints it.")]
_One = Annotated[int, typer.Argument(metavar="MODEL", help="As `status` prints it.")]
_All = Annotated[bool, typer.Option("--all", help="All read models: they share one fold.")]
_Batch = Annotated[int, typer.Option(min=1, help="Events that are stored at once.")]
_Throttle = Annotated[float | None, typer.Option(min=1, help="Events per second at most.")]


@app.callback()
def projections() -> None:
    """The read models."""


@app.command()
def status(*, as_json: Json = False) -> None:
    """Every model, and how far each partition of it is folded."""
    show_rows(_run(admin.status()), _standing, as_json=as_json)


@app.command()
def rebuild(
    *, every: _All = True, batch: _Batch = BATCH_EVENTS, throttle: _Throttle = None
) -> None:
    """Build all read models anew beside the live ones; goes on where one was interrupted."""
    del every  # one fold makes rows, timeline, contacts and counters: one alone would save nothing
    gc_tuning.calm()
    number = _run(admin.rebuild(batch, throttle, _tell))
    parked = next((one.parked for one in _run(admin.status()) if one.model.number == number), 0)
    if parked:
        typer.echo(f"{parked} events could not be folded: they are parked in it", err=True)
    typer.echo(f"model {number} follows; next: verify, switch")


@app.command()
def verify(number: _Number = None, *, as_json: Json = False) -> None:
    """Compare a model with the one that readers see, at one position; 1 when they differ."""
    gc_tuning.calm()
    found = _run(admin.verify(number))
    show_rows(found, _compared, as_json=as_json)
    if not all(comparison.same for comparison in found):
        raise typer.Exit(1)


@app.command()
def switch(number: _Number = None) -> None:
    """Let readers see a new model, or the one named, as soon as it has what the live one has."""
    typer.echo(f"readers see model {_run(admin.switch(number))}")


@app.command()
def rollback() -> None:
    """Let readers see the model again that they saw before the last switch."""
    typer.echo(f"readers see model {_run(admin.rollback())}")


@app.command()
def drop(number: _One) -> None:
    """End a model that readers do not see."""
    _run(admin.drop(number))
    typer.echo(f"model {number} is gone")
    try:
        _run(admin.forget_group(number))
    except (GroupStaysError, KafkaError, OSError) as error:
        typer.echo(f"its group stays until Kafka forgets it: {type(error).__name__}", err=True)


@app.command()
def pause(number: _One) -> None:
    """Let a model stand still that readers do not see: its rebuild, or its following."""
    _run(admin.pause(number, paused=True))


@app.command()
def resume(number: _One) -> None:
    """Let it go on; also after a verification that died."""
    _run(admin.pause(number, paused=False))


def _described(model: Model) -> str:
    seen = "live" if model.live else "live before" if model.previous else "beside the live one"
    state = "paused" if model.paused else model.state
    form = "of before there were forms" if model.form is None else f"form {model.form}"
    return f"{seen}, {state}, since {model.created_at:%F %T}, {form}"


def _standing(one: Standing) -> str:
    parked = f", {one.parked} events parked" if one.parked else ""
    lines = [f"model {one.model.number}: {_described(one.model)}{parked}"]
    lines.append("partition  epoch  log id  kafka offset")
    for each in one.places.values():
        offset = "feed" if each.kafka_offset is None else str(each.kafka_offset)
        lines.append(f"{each.partition:9}  {each.epoch:5}  {each.log_id:6}  {offset}")
    return "\n".join(lines)


def _compared(comparison: Comparison) -> str:
    said = "the same" if comparison.same else "DIFFERENT"
    line = f"{comparison.table:14}  {comparison.rows[0]:9}  {comparison.rows[1]:9}  {said}"
    return "\n".join([line, *(f"  {key}: {what}" for key, what in comparison.differences)])


def _tell(progress: RebuildProgress) -> None:
    left = "" if progress.left is None else f", {progress.left} left"
    typer.echo(
        f"{progress.log_id} of {progress.head} ({progress.percent:.0f} %), "
        f"{progress.per_second:.0f} events/s{left}{', paused' if progress.paused else ''}"
    )


def _run(work: Awaitable[T]) -> T:
    async def run() -> T:
        return await work

    try:
        return asyncio.run(run())
    except tuple(_SAID) as error:
        said = ": ".join((_SAID[type(error)], ", ".join(map(str, error.args)))).removesuffix(": ")
        typer.echo(said, err=True)
        raise typer.Exit(1) from None


parked: Final = parked_verbs(admin.parking, skip_opens=True)
app.add_typer(parked, name="parked")
