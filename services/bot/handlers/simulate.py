"""A talk with a flow without a customer: the same pure step, a clock of its own."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from services.bot.domain.evaluators import Evaluators
from services.bot.domain.flow import Flow
from services.bot.domain.inputs import Begun, Input, Replied, Said, Started, TimerDue
from services.bot.domain.step import Stepped, start, step
from services.bot.domain.taps import read_tap
from services.bot.texts import pt_br
from shared.contracts.content import Buttons, ListMenu, SendableContent
from shared.contracts.ticket_commands import (
    AssignSector,
    HandOff,
    KeepSession,
    QueueAutomaticMessage,
    TicketCommand,
)

_SESSION: Final = UUID(int=1)
_PROTOCOL: Final = "20260101-000001"


class Simulation:
    """One session; each call answers with the lines to show."""

    def __init__(self, flow: Flow, evaluators: Evaluators, at: datetime, name: str) -> None:
        self._flow = flow
        self._evaluators = evaluators
        self._at = at
        self._sectors = {id_: name for name, id_ in flow.sectors.items()}
        self._lines: list[str] = []
        self._heard = 0
        given = Started(
            session_id=_SESSION,
            account_id=UUID(int=2),
            contact_id=UUID(int=3),
            ticket_id=UUID(int=4),
            flow_id=UUID(int=5),
            version=1,
            opened_by=None,
            facts={pt_br.NAME: name, pt_br.PROTOCOL: _PROTOCOL},
        )
        self._stepped = start(flow, given, at)

    @property
    def over(self) -> bool:
        """Whether the session has finished."""
        return self._stepped.session.finished is not None

    def begin(self) -> Sequence[str]:
        """What is said at once."""
        self._give(Begun())
        return self._shown()

    def hear(self, line: str) -> Sequence[str]:
        """What follows on a line of the customer, or on time that passes (`+seconds`)."""
        if line.startswith("+") and line[1:].isdigit():
            self._pass(int(line[1:]))
        else:
            self._heard += 1
            id_ = uuid5(_SESSION, f"customer:{self._heard}")
            if read_tap(line):
                self._give(Said(message_id=id_, text=line, tap=line))
            else:
                self._give(Said(message_id=id_, text=line))
        return self._shown()

    def _pass(self, seconds: int) -> None:
        until = self._at + timedelta(seconds=seconds)
        while (timer := self._stepped.timer) is not None and timer.due <= until:
            self._at = timer.due
            self._give(TimerDue(timer.id))
        self._at = until

    def _give(self, given: Input) -> None:
        """The input, and every answer that its commands get."""
        self._take(step(self._flow, self._stepped.session, given, self._at, self._evaluators))
        while self._stepped.session.pending and not self.over:
            id_ = self._stepped.session.pending[0]
            reply = Replied(command_id=id_, message_id=uuid5(id_, "message"))
            self._take(step(self._flow, self._stepped.session, reply, self._at, self._evaluators))

    def _take(self, stepped: Stepped) -> None:
        self._stepped = stepped
        for command in stepped.commands:
            self._lines += _described(command, self._sectors)

    def _shown(self) -> Sequence[str]:
        session, lines = self._stepped.session, self._lines
        self._lines = []
        if session.finished is not None:
            return [*lines, f"-- {session.finished}"]
        due = "" if session.timer is None else f", until {session.timer.due:%Y-%m-%d %H:%M:%S}"
        return [*lines, f"-- at {session.node}{due}"]


def _described(command: TicketCommand, sectors: Mapping[UUID, str]) -> list[str]:
    match command:
        case QueueAutomaticMessage(content=content):
            return _said(content)
        case KeepSession():
            return []
        case AssignSector(sector_id=sector_id):
            return [f"== AssignSector {sectors[sector_id]}"]
        case HandOff():
            return _handed_over(command, sectors)
        case _:
            fields = command.model_dump(exclude=set(TicketCommand.model_fields), exclude_none=True)
            return [f"== {type(command).__name__} {fields}"]


def _handed_over(command: HandOff, sectors: Mapping[UUID, str]) -> list[str]:
    sector = "" if command.sector_id is None else f" {sectors[command.sector_id]}"
    lines = [f"== HandOff{sector} ({command.reason})"]
    lines += [f"   {line}" for line in (command.summary or "").splitlines()]
    if waits := command.unclaimed:
        text = "" if waits.text is None else f": {waits.text}"
        lines.append(f"   unclaimed after {waits.after_seconds} s: {waits.then}{text}")
    return lines


def _said(content: SendableContent) -> list[str]:
    lines = [f"<< {line}" for line in (content.readable() or "").splitlines()]
    if isinstance(content, Buttons):
        lines += [f"   [{button.title}]  {button.id}" for button in content.buttons]
    elif isinstance(content, ListMenu):
        rows = [row for section in content.sections for row in section.rows]
        lines += [f"   ({content.button}) {row.title}  {row.id}" for row in rows]
    return lines
