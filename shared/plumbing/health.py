"""`/health`: the process is alive. `/ready`: it may be given work."""

from collections.abc import Iterable, Mapping

from fastapi import FastAPI, Response, status

from shared.plumbing.loops import Loops


class Health:
    """What the service still waits for."""

    def __init__(self, waits_for: Iterable[str] = ()) -> None:
        self._waiting: dict[str, str | None] = dict.fromkeys(waits_for)
        self._notes: dict[str, str] = {}

    def waiting_for(self, name: str, reason: str | None = None) -> None:
        """Not ready as long as `name` has not arrived; `reason`: the last error, by its type."""
        self._waiting[name] = reason

    def arrived(self, name: str) -> None:
        """`name` is here."""
        self._waiting.pop(name, None)

    def note(self, name: str, text: str | None) -> None:
        """Say on `/ready` what is wrong with `name` though we work; None: nothing any more."""
        if text is None:
            self._notes.pop(name, None)
        else:
            self._notes[name] = text

    @property
    def notes(self) -> dict[str, str]:
        """What is wrong though we work."""
        return dict(self._notes)

    @property
    def waits_for(self) -> list[str]:
        """What has not arrived yet, in the order in which it was asked for."""
        return list(self._waiting)

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why what we wait for has not arrived, where an attempt failed."""
        return {name: reason for name, reason in self._waiting.items() if reason is not None}


def routes(app: FastAPI, health: Health, loops: Loops) -> None:
    """Serve `/health` and `/ready`."""

    async def alive(response: Response) -> dict[str, object]:
        stale = loops.stale()
        if stale:
            response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return {"alive": not stale, "stale": stale}

    async def ready(response: Response) -> dict[str, object]:
        waiting = health.waits_for
        if waiting:
            response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        notes = {"notes": health.notes} if health.notes else {}
        reasons = {"reasons": health.reasons} if health.reasons else {}
        return {"ready": not waiting, "waiting_for": waiting, **reasons, **notes}

    app.add_api_route("/health", alive, include_in_schema=False)
    app.add_api_route("/ready", ready, include_in_schema=False)
