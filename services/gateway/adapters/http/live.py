"""`GET /v1/live`: what changes in this agent's sight, as server-sent events."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.gateway.adapters.changes import Change, Changes
from services.gateway.adapters.counting import Counting, per_view
from services.gateway.adapters.directory import DirectoryTable
from services.gateway.adapters.http.openapi import problem_responses
from services.gateway.adapters.http.signed_in import PersonDependency
from services.gateway.domain import event_ids
from services.gateway.domain.access import Person, scope_of
from services.gateway.domain.cards import Names
from services.gateway.handlers.live import Screen
from shared.contracts.inbox import RebuiltModels, RowChanged, TimelineChanged
from shared.plumbing import logs, metrics
from shared.plumbing.http import UnreachableError
from shared.plumbing.problems import ProblemError

_screens = metrics.gauge("screens", "Live streams that are open")
_log = logs.get(__name__)

_COUNTS, _RESET = "counts", "reset"


@dataclass(slots=True)
class _Queue:
    """What waits for one screen; a slow one is told to load again, and cut."""

    waiting: asyncio.Queue[Change | dict[str, int] | None]
    broken: bool = field(default=False)

    def put(self, what: Change | dict[str, int]) -> None:
        """Queue it, or give the screen up."""
        try:
            self.waiting.put_nowait(what)
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        """Let the stream say `reset` and close."""
        self.broken = True
        if self.waiting.full():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


class Live:
    """The open streams of this gateway."""

    def __init__(
        self,
        changes: Changes,
        counting: Counting,
        book: DirectoryTable,
        names: Names,
        queue_changes: int,
    ) -> None:
        self._changes = changes
        self._counting = counting
        self._book = book
        self._names = names
        self._queue_changes = queue_changes
        self._open: dict[UUID, set[Callable[[], None]]] = {}

    def rights_changed(self, agent_id: UUID) -> None:
        """Tell the agent's screens to load again (protocols.md 5)."""
        for end in tuple(self._open.get(agent_id, ())):
            end()

    async def follow(
        self, person: Person, last_event_id: str | None
    ) -> AsyncGenerator[ServerSentEvent, None]:
        """As `stream`, for a browser: its ids say with which rights it has seen what it shows."""
        mark = event_ids.mark_of(scope_of(person))
        async for event in self.stream(person, event_ids.resumed(last_event_id, mark)):
            if event.id is not None:
                event.id = event_ids.marked(event.id, mark)
            yield event

    async def stream(
        self, person: Person, last_event_id: str | None
    ) -> AsyncGenerator[ServerSentEvent, None]:
        """The events of one screen until it leaves, or until it must load again."""
        queue = _Queue(asyncio.Queue(self._queue_changes))
        listener = queue.put
        self._changes.listen(person.account_id, listener)
        self._open.setdefault(person.id, set()).add(queue.end)
        _screens.inc()
        try:
            async for event in self._events(person, last_event_id, queue):
                yield event
        finally:
            _screens.dec()
            self._open[person.id].discard(queue.end)
            self._changes.leave(person.account_id, listener)

    async def _events(
        self, person: Person, last_event_id: str | None, queue: _Queue
    ) -> AsyncGenerator[ServerSentEvent, None]:
        newest = self._changes.newest(person.account_id)
        missed = self._changes.since(person.account_id, last_event_id) if last_event_id else []
        # cut before it has heard what it missed, a screen must come again with the id it came with
        heard = newest if missed == [] else None if missed is None else last_event_id
        yield ServerSentEvent(event="hello", id=heard, data={"agent_id": str(person.id)})
        if missed is None:
            yield ServerSentEvent(event=_RESET, id=newest, data={"reason": "too_old"})
            missed = []
        screen = Screen(scope_of(person))
        for change in missed:
            for event in self._told(screen, change):
                yield event
        counter = _Counter(self._counting, person, queue)
        counter.wanted()
        async with asyncio.TaskGroup() as tasks:
            counting = tasks.create_task(counter.run())
            async for event in self._followed(screen, queue, counter):
                yield event
            counting.cancel()

    async def _followed(
        self, screen: Screen, queue: _Queue, counter: "_Counter"
    ) -> AsyncGenerator[ServerSentEvent, None]:
        while True:
            what = await queue.waiting.get()
            if what is None or queue.broken:
                yield ServerSentEvent(event=_RESET, data={"reason": "load_again"})
                return
            if isinstance(what, dict):
                yield ServerSentEvent(event=_COUNTS, data=what)
                continue
            told = self._told(screen, what)
            for event in told:
                yield event
            if isinstance(what.message, RowChanged) and told:
                counter.wanted()

    def _told(self, screen: Screen, change: Change) -> list[ServerSentEvent]:
        message = change.message
        if isinstance(message, RowChanged):
            found = list(screen.row_changed(message))
            return [  # the id with the last one: a cut between `removed` and `added` loses neither
                self._event(
                    change.id if event is found[-1] else None,
                    event.kind,
                    view=event.view,
                    row=self._card(screen, message),
                )
                for event in found
            ]
        if isinstance(message, TimelineChanged):
            line = screen.line_changed(message)
            if line is not None:
                item = self._names.line(line.item).model_dump(mode="json")
                return [self._event(change.id, "message", item=item)]
        if isinstance(message, RebuiltModels):
            return [self._event(change.id, _RESET, reason="rebuilt")]
        return []

    def _card(self, screen: Screen, message: RowChanged) -> dict[str, Any]:
        card = self._names.card(message.row, sees_phones=screen.scope.sees_phones)
        return card.model_dump(mode="json")

    def _event(self, id_: str | None, kind: str, **data: object) -> ServerSentEvent:
        return ServerSentEvent(event=kind, id=id_, data=data)


class _Counter:
    """Asks for the counters after changes, one question at a time."""

    def __init__(self, counting: Counting, person: Person, queue: _Queue) -> None:
        self._counting = counting
        self._person = person
        self._queue = queue
        self._wanted = asyncio.Event()

    def wanted(self) -> None:
        """Something changed."""
        self._wanted.set()

    async def run(self) -> None:
        """Until the stream ends."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                self._queue.put(per_view(await self._counting.counts(self._person)))
            except (UnreachableError, ProblemError) as error:
                _log.warning("counts failed", error=type(error).__name__)
                self._wanted.set()
                await asyncio.sleep(1)


def router(live: Live, signed_in: PersonDependency) -> APIRouter:
    """The one route."""
    routes = APIRouter(prefix="/v1", tags=["live"])

    async def follow(
        person: Annotated[Person, Depends(signed_in)],
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> AsyncGenerator[ServerSentEvent, None]:
        async for event in live.follow(person, last_event_id):
            yield event

    routes.add_api_route(
        "/live",
        follow,
        methods=["GET"],
        operation_id="followLive",
        response_class=EventSourceResponse,
        responses=problem_responses(),
    )
    return routes
