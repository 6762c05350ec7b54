"""How does a check strike a running system, and wait until all of it is back?"""

import asyncio
import signal
from collections.abc import Mapping
from typing import Any, Final

from deploy.local.installation import SIMULATOR, service_of
from tests.checks.customers import Steps
from tests.checks.system import System
from tests.support.waiting import until

PATIENCE_SECONDS: Final = 120.0
_TRAFFIC: Final = 20  # things that the simulator saw before somebody is struck
_SENDING: Final = "SELECT count(*) FROM outbound.queue WHERE state = 'sending' AND kind = 'send'"


class Striking:
    """Lets a share of the conversations begin, waits for their traffic, and strikes."""

    def __init__(self, system: System, steps: Steps, in_flight: list[int]) -> None:
        self._system = system
        self._steps = steps
        self._in_flight = in_flight  # messages whose fate Meta may never tell

    async def traffic(self, step: int) -> None:
        """Return when conversations of this step are under way."""
        before = await self._seen()
        self._steps.begin(step)

        async def flows() -> bool:
            return await self._seen() >= before + _TRAFFIC

        await until(flows, what=f"no traffic in step {step}", seconds=PATIENCE_SECONDS, pause=0.1)

    async def kill(self, instance: str) -> None:
        """`kill -9`; returns when it was started again."""
        if service_of(instance) == "outbound":
            self._system.send(instance, signal.SIGSTOP)
        await self.count(instance)
        await self._ended(instance, signal.SIGKILL)

    async def restart(self, instance: str) -> None:
        """End it in order, as a new version does; returns when it was started again."""
        await self.count(instance)
        in_order = signal.SIGINT if instance == "postgres" else signal.SIGTERM
        await self._ended(instance, in_order)

    async def stop(self, instance: str, seconds: float) -> None:
        """Let it stand still for so long: it holds its connections, and answers nothing."""
        database = instance == "postgres"
        if database:
            await self.count(instance)  # before: while it stands still it lets nobody in
        self._system.send(instance, signal.SIGSTOP)
        try:
            if not database:
                await self.count(instance)
            await asyncio.sleep(seconds)
        finally:
            self._system.send(instance, signal.SIGCONT)

    async def at_meta(self, fault: Mapping[str, Any], step: int, seconds: float) -> None:
        """Something goes wrong at Meta, from before this step's conversations on, for so long."""
        await self._system.control("faults", fault)
        await self.traffic(step)
        await asyncio.sleep(seconds)
        where = f"{self._system.url(SIMULATOR)}/control/faults"
        async with self._system.http.delete(where) as answer:
            answer.raise_for_status()

    async def count(self, instance: str) -> None:
        """How many messages are in flight, when it is one who sends or remembers that is struck."""
        if service_of(instance) in {"outbound", "postgres"}:
            self._in_flight.append((await self._system.rows(_SENDING))[0][0])

    async def back(self) -> None:
        """Return when everybody is ready."""
        await self._system.ready()

    async def _seen(self) -> int:
        return len(await self._system.ledger("items")) + len(await self._system.ledger("requests"))

    async def _ended(self, instance: str, number: signal.Signals) -> None:
        before = self._system.restarts[instance]
        self._system.send(instance, number)

        async def restarted() -> bool:
            return self._system.restarts[instance] > before

        await until(
            restarted, what=f"{instance} is not restarted", seconds=PATIENCE_SECONDS, pause=0.05
        )
