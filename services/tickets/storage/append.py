"""The call of the append (D3): from commands to arrays, and from its rows to verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString
from uuid import UUID

from services.tickets.storage.contract import (
    Claim,
    Command,
    Expectation,
    ForeignStreamError,
    Repeated,
    Stale,
    Stored,
    Taken,
    Verdict,
)

OWN_ID: Final = "command"
"""Kind of the claim (own id -> outcome) that makes a person's command run once."""

APPEND: Final[LiteralString] = """
SELECT * FROM append(%b::uuid[],
    %b::int[], %b::uuid[], %b::bigint[],
    %b::int[], %b::int[], %b::uuid[], %b::text[], %b::bytea[],
    %b::int[], %b::text[], %b::bytea[], %b::bytea[],
    %b::int[], %b::text[], %b::bytea[], %b::bytea[],
    %b::int[], %b::uuid[], %b::uuid[], %b::text[], %b::timestamptz[],
    %b::int[], %b::uuid[])
"""
Row = tuple[int, str, int | None, int | None, bytes | None]
"""cmd, verdict, ref (which expectation or claim of the call), num (version or log id), value."""


@dataclass(slots=True)
class Prepared:
    """A command with its events encoded and its repeats removed, ready for any batch."""

    command: Command
    expectations: Sequence[Expectation]
    states: Mapping[UUID, Sequence[tuple[str, bytes]]]  # by stream: topic and state
    take: Sequence[Claim]
    release: Sequence[Claim]


@dataclass(slots=True)
class Batch:
    """The arrays of one call; `ref` of a row counts in `expectations` or in `claims`, from 1."""

    commands: Sequence[Prepared]
    expectations: list[Expectation] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    arrays: tuple[list[Any], ...] = field(default_factory=lambda: tuple([] for _ in range(24)))

    def __post_init__(self) -> None:
        for number, prepared in enumerate(self.commands, 1):
            self.arrays[0].append(prepared.command.account)
            self._add_expectations(number, prepared)
            self._add_claims(number, prepared)
            self._add_timers(number, prepared.command)

    def _add_expectations(self, number: int, prepared: Prepared) -> None:
        _, cmd, stream, version, exp, nth, key, topic, state, *_ = self.arrays
        for expectation in prepared.expectations:
            self.expectations.append(expectation)
            cmd.append(number)
            stream.append(expectation.stream.id)
            version.append(expectation.version)
            if not expectation.events:
                continue
            place = len(self.expectations)
            for count, (name, data) in enumerate(prepared.states[expectation.stream.id], 1):
                exp.append(place)
                nth.append(count)
                key.append(expectation.stream.key)
                topic.append(name)
                state.append(data)

    def _add_claims(self, number: int, prepared: Prepared) -> None:
        for first, claims in ((9, prepared.take), (13, prepared.release)):
            cmd, kind, key, value = self.arrays[first : first + 4]
            for claim in claims:
                cmd.append(number)
                kind.append(claim.kind)
                key.append(claim.key)
                value.append(claim.value)
        self.claims.extend(prepared.take)

    def _add_timers(self, number: int, command: Command) -> None:
        cmd, timer, stream, kind, due, cleared_cmd, cleared = self.arrays[17:]
        for new in command.set_timers:
            cmd.append(number)
            timer.append(new.id)
            stream.append(new.stream)
            kind.append(new.kind)
            due.append(new.due)
        cleared_cmd.extend([number] * len(command.clear_timers))
        cleared.extend(command.clear_timers)

    def verdicts(self, rows: Sequence[Row]) -> list[Verdict | ForeignStreamError | None]:
        """One for each command; None is `again`: it met an earlier command of this batch."""
        found: list[list[Row]] = [[] for _ in self.commands]
        for row in rows:
            found[row[0] - 1].append(row)
        return [self._verdict(mine) for mine in found]

    def _verdict(self, rows: Sequence[Row]) -> Verdict | ForeignStreamError | None:
        """Of several rows the one that says most: foreign, own id, another's claim, a version."""
        first = rows[0]
        if first[1] == "stored":
            return Stored(first[3] or 0)
        if first[1] == "again":
            return None
        for row in rows:
            if row[1] == "foreign":
                return ForeignStreamError(str(self.expectations[_ref(row)].stream.id))
        taken = sorted((_ref(row), row[4] or b"") for row in rows if row[1] == "taken")
        for ref, holder in taken:
            if self.claims[ref].kind == OWN_ID:
                return Repeated(holder)
        if taken:
            ref, holder = taken[0]
            return Taken(self.claims[ref], holder)
        return Stale(self.expectations[_ref(first)].stream.id, first[3] or 0)


def _ref(row: Row) -> int:
    return (row[2] or 1) - 1


def prepare(command: Command, states: Mapping[UUID, Sequence[tuple[str, bytes]]]) -> Prepared:
    """The command without repeats: one would raise a unique violation for the whole batch."""
    take = list(dict.fromkeys(command.take))
    if command.outcome is not None:
        take.append(Claim(OWN_ID, command.meta.command_id.bytes, command.outcome))
    return Prepared(
        command=Command(
            account=command.account,
            meta=command.meta,
            expectations=(),
            set_timers=tuple({timer.id: timer for timer in command.set_timers}.values()),
            clear_timers=tuple(dict.fromkeys(command.clear_timers)),
        ),
        expectations=merged(command.expectations),
        states=states,
        take=take,
        release=list(dict.fromkeys(command.release)),
    )


def merged(expectations: Sequence[Expectation]) -> Sequence[Expectation]:
    """One expectation for each (stream, version), with the events of all of them in order."""
    if len({(e.stream.id, e.version) for e in expectations}) == len(expectations):
        return expectations
    found: dict[tuple[UUID, int], Expectation] = {}
    for e in expectations:
        seen = found.get((e.stream.id, e.version))
        events = e.events if seen is None else seen.events + e.events
        found[e.stream.id, e.version] = Expectation(e.stream, e.version, events)
    return list(found.values())
