"""A conversation with a session: inputs and what follows; the clock is the test's."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, TypeVar
from uuid import UUID, uuid5

from services.bot.adapters.evaluators import EVALUATORS
from services.bot.domain.events import Event, LeavingBegun, LoopStopped, NodeEntered
from services.bot.domain.flow import Flow
from services.bot.domain.inputs import (
    Begun,
    Ended,
    Input,
    Replied,
    Said,
    Settled,
    Started,
    TimerDue,
)
from services.bot.domain.nodes import HandOff, Node
from services.bot.domain.session import Session
from services.bot.domain.step import Stepped, start, step
from services.bot.domain.taps import tap_id
from shared.contracts.content import Buttons, ListMenu
from shared.contracts.ticket_commands import QueueAutomaticMessage, TicketCommand

NOON = datetime(2026, 11, 23, 15, tzinfo=UTC)
SESSION = UUID(int=7)
OPENED_BY = UUID(int=70)
VENDAS, SUPORTE = UUID(int=1001), UUID(int=1002)
SECTORS = {"Vendas": VENDAS, "Suporte": SUPORTE}
Named: TypeAlias = tuple[str, Node]
T = TypeVar("T")

STARTED = Started(
    session_id=SESSION,
    account_id=UUID(int=1),
    contact_id=UUID(int=2),
    ticket_id=UUID(int=3),
    flow_id=UUID(int=4),
    version=1,
    opened_by=OPENED_BY,
    facts={"nome": "Maria", "protocolo": "20261123-000001"},
)


def node(type_: type[Node], /, *, id: str, **fields: object) -> Named:  # noqa: A002  as a test reads
    """A node under its id; `else_` is the field `else`."""
    return id, type_.model_validate({name.rstrip("_"): value for name, value in fields.items()})


def altered(named: Named, *, id: str | None = None, **fields: object) -> Named:  # noqa: A002  as a test reads
    """The node with other fields, or under another id."""
    old, made = named
    return id or old, type(made).model_validate({**made.model_dump(by_alias=True), **fields})


def a_flow(*nodes: Named, **fields: object) -> Flow:
    """A flow that begins at the first of the nodes, and has a `people` to end with."""
    every = {**dict(nodes), "people": HandOff()}
    known = {
        "key": "test",
        "name": "Test",
        "entry": next(iter(every)),
        "nodes": every,
        "defaults": {"refused": "people", "invalid_exhausted": "people", "timeout": "people"},
        "reserved": {},
        "old_taps": {"notice": "old"},
    }
    return Flow.model_validate({**known, **fields}).with_sectors(SECTORS)


class Talk:
    """One session, and the ticket's side of it."""

    def __init__(self, flow: Flow | None, *, begin: bool = True) -> None:
        self.flow = flow
        self.now = NOON
        self.events: list[Event] = []
        self.commands: list[TicketCommand] = []
        self.last: Sequence[TicketCommand] = ()
        self.messages = 0
        self._take(start(flow, replace(STARTED, version=1 if flow else 0), NOON))
        if begin:
            self.comes(Begun())

    @property
    def session(self) -> Session:
        return self._session

    def comes(self, given: Input) -> "Talk":
        return self._take(step(self.flow, self._session, given, self.now, EVALUATORS))

    def says(self, text: str | None = None, tap: str | None = None) -> "Talk":
        self.messages += 1
        id_ = uuid5(SESSION, f"customer:{self.messages}")
        return self.comes(Said(message_id=id_, text=text, tap=tap))

    def taps(self, option: str, *, step: int | None = None, session: UUID = SESSION) -> "Talk":
        at = self._session.step if step is None else step
        return self.says("title", tap_id(session, at, option))

    def done(self) -> "Talk":
        """Every command under way is done, and those that follow, until the session rests."""
        while self._session.pending and self._session.finished is None:
            id_ = self._session.pending[0]
            self.comes(Replied(command_id=id_, message_id=uuid5(id_, "message")))
        return self

    def refused(self, code: str | None) -> "Talk":
        return self.comes(Replied(command_id=self._session.pending[0], refused=True, code=code))

    def sent(self) -> "Talk":
        for message_id in self._session.unsent:
            self.comes(Settled(message_id))
        return self

    def ended(self, reason: str) -> "Talk":
        return self.comes(Ended(reason))

    def goes_on(self, flow: Flow, stepped: Stepped) -> "Talk":
        """In another version."""
        self.flow = flow
        return self._take(stepped)

    def after(self, seconds: float) -> "Talk":
        """Time passes; the timer fires if it is due."""
        self.now += timedelta(seconds=seconds)
        timer = self._session.timer
        return self.comes(TimerDue(timer.id)) if timer and timer.due <= self.now else self

    def told(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    def asked(self, kind: type[T]) -> list[T]:
        return [command for command in self.commands if isinstance(command, kind)]

    @property
    def path(self) -> list[str]:
        return [event.node for event in self.told(NodeEntered)]

    @property
    def said(self) -> list[str]:
        return [command.content.readable() or "" for command in self.asked(QueueAutomaticMessage)]

    @property
    def guards(self) -> list[str]:
        return [event.guard for event in self.told(LoopStopped)]

    @property
    def leavings(self) -> list[str]:
        return [event.reason for event in self.told(LeavingBegun)]

    def _take(self, stepped: Stepped) -> "Talk":
        self._session = stepped.session
        self.events += stepped.events
        self.commands += stepped.commands
        self.last = stepped.commands
        return self


def ids_of(command: TicketCommand) -> list[str]:
    """The ids of the buttons or rows that a command shows."""
    assert isinstance(command, QueueAutomaticMessage)
    match command.content:
        case Buttons(buttons=buttons):
            return [button.id for button in buttons]
        case ListMenu(sections=sections):
            return [row.id for section in sections for row in section.rows]
        case _:
            return []
