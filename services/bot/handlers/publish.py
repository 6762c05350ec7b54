"""Publishes every flow file for each account that has a connection entering it.

A file that does not change is published once: what an operator, or a process with other files, has
published since stays the newest version.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID, uuid5

import orjson

from services.bot.domain.evaluators import Evaluators
from services.bot.domain.flow import Flow
from services.bot.domain.validate import faults
from services.bot.handlers.outgoing import SOURCE
from services.bot.handlers.ports import FlowVersion, Store
from shared.contracts.bot import FlowPublished
from shared.contracts.envelope import Envelope
from shared.contracts.text_folding import folded
from shared.contracts.topics import BOT_EVENTS
from shared.plumbing import logs
from shared.plumbing.kafka import Outgoing
from shared.plumbing.loops import Heartbeat
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool

logs.allow("flow", "file")
_log = logs.get(__name__)
NOTE: Final = "flow "


class FlowRefusedError(ValueError):
    """The flow has faults; one line for each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Read:
    """A file: its flow, or why it is none."""

    name: str
    definition: Flow | None
    refusal: str = ""


class Directory(Protocol):
    """What is known of accounts."""

    def accounts(self) -> Sequence[UUID]:
        """All of them."""
        ...

    def entered_flows(self, account_id: UUID, /) -> set[UUID]:
        """The flows that a connection of the account enters."""
        ...

    def sectors(self, account_id: UUID, /) -> Mapping[str, UUID]:
        """The active sectors of an account, by name."""
        ...

    def close_reasons(self, account_id: UUID, /) -> set[UUID]:
        """The active close reasons of an account."""
        ...


def flow_id(account_id: UUID, key: str) -> UUID:
    """The id of an account's flow, as directory makes it of the key."""
    return uuid5(account_id, f"flow:{key}")


def check(
    flow: Flow,
    sectors: Collection[str] | None,
    evaluators: Evaluators,
    close_reasons: Collection[UUID] | None = None,
) -> None:
    """Raise FlowRefusedError for a flow that must not be published to who has these."""
    wrong = faults(flow, evaluators=evaluators, sectors=sectors, close_reasons=close_reasons)
    if wrong:
        raise FlowRefusedError([str(fault) for fault in wrong])


class Publishing:
    """Looks at the files; a version is new when its content differs from the newest."""

    def __init__(
        self,
        pool: Pool,
        store: Store,
        outbox: Outbox,
        directory: Directory,
        read_all: Callable[[], Sequence[Read]],
        evaluators: Evaluators,
        now: Callable[[], datetime],
        note: Callable[[str, str | None], None],
    ) -> None:
        self._pool = pool
        self._store = store
        self._outbox = outbox
        self._directory = directory
        self._read_all = read_all
        self._evaluators = evaluators
        self._now = now
        self._note = note
        self._refusals: dict[str, str] = {}
        self._seen: dict[UUID, str] = {}  # hash of a flow's file at the last look

    async def again(self, beat: Heartbeat) -> None:
        """A body for Loops."""
        await self.look()
        beat.beat()

    async def look(self) -> None:
        """Publish what differs; what is refused leaves the version before it in use."""
        for read in self._read_all():
            refusal = read.refusal
            if read.definition is not None:
                refusal = await self._everywhere(read.definition)
            self._say(read.name, refusal)

    async def publish(self, account_id: UUID, definition: Flow) -> FlowVersion | None:
        """A new version for one account, None when the newest is the same.

        Raises FlowRefusedError.
        """
        return await self._publish(account_id, definition, by_hand=True)

    async def _publish(
        self, account_id: UUID, definition: Flow, *, by_hand: bool
    ) -> FlowVersion | None:
        known = self._directory.sectors(account_id)
        sectors = _meant(definition, known)
        reasons = self._directory.close_reasons(account_id)
        check(definition, {**known, **sectors}.keys(), self._evaluators, reasons)
        found, id_ = content_hash(definition, sectors), flow_id(account_id, definition.key)
        changed = by_hand or self._seen.get(id_, found) != found
        async with self._pool.connection() as conn:
            newest = await self._store.newest(conn, id_)
            same = newest is not None and newest.hash == found
            if same or not (changed or await self._store.is_new(conn, id_, found)):
                self._seen[id_] = found
                return None
            version = FlowVersion(
                flow_id=id_,
                version=1 if newest is None else newest.version + 1,
                account_id=account_id,
                hash=found,
                definition=definition,
                sectors=sectors,
                published_at=self._now(),
            )
            if not await self._store.publish(conn, version, definition):
                return None  # another process was first
            await self._store.tell(conn, [_published(version, definition.name)])
        self._seen[id_] = found if not by_hand else self._seen.get(id_, found)
        self._outbox.wake.set()
        return version

    async def _everywhere(self, definition: Flow) -> str:
        """Why an account cannot have it, or nothing."""
        refusals: list[str] = []
        for account_id in self._directory.accounts():
            entered = self._directory.entered_flows(account_id)
            if flow_id(account_id, definition.key) in entered:
                try:
                    published = await self._publish(account_id, definition, by_hand=False)
                except FlowRefusedError as error:
                    refusals += [f"account {account_id}: {line}" for line in error.lines]
                else:
                    if published is not None:
                        where = {"account": str(account_id), "version": published.version}
                        _log.info("flow published", flow=str(published.flow_id), **where)
        return "; ".join(refusals)

    def _say(self, name: str, refusal: str) -> None:
        if refusal and refusal != self._refusals.get(name):
            _log.error("flow refused", file=name, reason=refusal)
        self._refusals[name] = refusal
        self._note(NOTE + name, refusal or None)


def _meant(definition: Flow, known: Mapping[str, UUID]) -> dict[str, UUID]:
    """The sectors that the flow names, as it writes them: case and accents do not matter."""
    ids = {folded(name): id_ for name, id_ in known.items()}
    names = definition.sector_names().values()
    return {name: ids[folded(name)] for name in names if folded(name) in ids}


def content_hash(definition: Flow, sectors: Mapping[str, UUID]) -> str:
    """Hex SHA-256 of what a version is made of."""
    content = {
        "definition": definition.model_dump(mode="json", by_alias=True),
        "sectors": {name: str(id_) for name, id_ in sectors.items()},
    }
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _published(version: FlowVersion, name: str) -> Outgoing:
    message = FlowPublished(
        account_id=version.account_id,
        flow_id=version.flow_id,
        name=name,
        version=version.version,
        hash=version.hash,
        occurred_at=version.published_at,
    )
    envelope = Envelope(
        id=f"{version.flow_id}@{version.version}",
        type=message.TYPE,
        source=SOURCE,
        time=version.published_at,
        subject=str(version.flow_id),
        account=version.account_id,
        actor=SOURCE,
    )
    return Outgoing(BOT_EVENTS.name, str(version.flow_id).encode(), envelope, message.body())
