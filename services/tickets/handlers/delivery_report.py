"""outbound reports what became of our message: a fact of its stream, each once (domain.md 2.5)."""

from dataclasses import dataclass
from uuid import uuid5

from services.tickets.domain.message import events as facts
from services.tickets.domain.message.decide import learn
from services.tickets.domain.message.state import MessageState
from services.tickets.handlers import claims
from services.tickets.handlers.execution import Changes, CommandContext
from services.tickets.handlers.inbound_source import InboundTools, machine_request
from services.tickets.handlers.message_facts import fact_of_fate
from services.tickets.storage.contract import Stale, Taken
from services.tickets.storage.state_cache import CONTACT, MESSAGE, Versioned
from shared.contracts import outbound


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContext(CommandContext):
    """The message's stream, and the other one that a fact about its wamid began before."""

    message: Versioned[MessageState]
    wamid_is_free: bool = False
    other: Versioned[MessageState] | None = None


class DeliveryReportSource:
    """Reports in any order, more than once."""

    def __init__(self, tools: InboundTools, report: outbound.Fate, correlation: str) -> None:
        self._tools = tools
        self._report = report
        cause = uuid5(report.message_id, report.TYPE)
        self._request = machine_request(report.account_id, cause, "outbound", correlation)
        self._wamid_hash = b""
        if isinstance(report, outbound.MessageAccepted):
            self._wamid_hash = tools.wamid_hash(
                report.account_id, report.connection_id, report.wamid
            )
        self._fact = fact_of_fate(report, self._wamid_hash.hex())

    async def lock_key(self) -> object:
        """The contact."""
        return self._report.contact_id

    async def load(self) -> ReportContext:
        """See `Source`."""
        report, executor = self._report, self._tools.executor
        holder = None
        if self._wamid_hash:
            holder = await self._tools.message_of(report.account_id, self._wamid_hash)
        other = holder if holder not in {None, report.message_id} else None
        streams = {report.contact_id: CONTACT, report.message_id: MESSAGE}
        held = await executor.cache.all(streams | ({other: MESSAGE} if other else {}))
        return ReportContext(
            request=self._request,
            at=executor.now(),
            contact=held[report.contact_id],
            ticket=None,
            conversation=None,
            message=held[report.message_id],
            wamid_is_free=bool(self._wamid_hash) and holder is None,
            other=held[other] if other else None,
        )

    async def decide(self, context: ReportContext) -> Changes:
        """See `Source`: the fact, unless it is stored already."""
        message, other = context.message, context.other
        new = [] if self._fact is None else learn(message.state, self._fact)
        if not new:
            return Changes()
        changes = Changes(messages=[(message, new)])
        if context.wamid_is_free:
            changes.claims.append(claims.wamid(self._wamid_hash, message.id))
        if other is not None:
            changes.messages.append((other, self._link(other)))
        return changes

    def _link(self, other: Versioned[MessageState]) -> list[facts.MessageEvent]:
        """Two streams turned out to be one message (protocols.md 1)."""
        link = facts.MessageLinked(
            message_id=other.id,
            occurred_at=self._report.occurred_at,
            same_as=self._report.message_id,
        )
        return learn(other.state, link)

    async def complete(self, context: ReportContext, changes: Changes) -> None:
        """See `Source`: nothing follows."""

    def lost(self, verdict: Stale | Taken) -> bool:
        """See `Source`: decided again with what is newer."""
        del verdict
        return False
