"""`make check-kill`: the same story while everything is killed once, and dies at failpoints."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final

from deploy.local.process import Child
from deploy.local.topology import Topology
from tests.checks import system as systems
from tests.checks.customers import Steps
from tests.checks.striking import PATIENCE_SECONDS, Striking
from tests.checks.system import System
from tests.checks.table import CONSOLE, Ledger
from tests.checks.way import Troubled, arguments, judge
from tests.support.waiting import until

_FAILPOINTS: Final = (
    "tickets.after_append:kill@3",
    "tickets.relay_after_produce:kill@5",
    "outbound.after_attempt:kill@3",
    "outbound.after_socket:kill@3",
)
_HOLDER: Final = (
    "SELECT holder, until FROM tickets.lease WHERE name = 'relay' AND until > clock_timestamp()"
)


async def check(seed: int, logs: Path | None, topology: Topology) -> None:
    """Judge the story under kills."""
    async with systems.running(durable=True, logs=logs, topology=topology) as system:
        title = f"check-kill, seed {seed}, brokers {topology.brokers}, of each {topology.replicas}"
        await judge(system, seed, Ledger(title), _killing)


@asynccontextmanager
async def _killing(system: System, ledger: Ledger) -> AsyncGenerator[Troubled]:
    nemesis = _Nemesis(system, ledger)
    async with asyncio.TaskGroup() as tasks:  # what does not come back ends the story at once
        tasks.create_task(nemesis.run())
        yield nemesis.troubled
    ledger.note("restarts", dict(system.restarts))
    ledger.note("in flight at outbound's deaths", nemesis.troubled.in_flight)


class _Nemesis:
    """Everything dies once, each in traffic of its own."""

    def __init__(self, system: System, ledger: Ledger) -> None:
        topology = system.installation.topology
        self._killed = (*topology.instances, *topology.broker_names, "postgres")
        self.troubled = Troubled(Steps(len(self._killed) + len(_FAILPOINTS)), [])
        self._striking = Striking(system, self.troubled.steps, self.troubled.in_flight)
        self._system = system
        self._ledger = ledger

    async def run(self) -> None:
        """Everything in turn; raises LateError when something does not come back."""
        step = 0
        for instance in self._killed:
            CONSOLE.print(f"step {step}: kill -9 of {instance}", highlight=False)
            await self._striking.traffic(step)
            await self._timed(f"kill -9 of {instance}", instance)
            step += 1
        for failpoint in _FAILPOINTS:
            CONSOLE.print(f"step {step}: death at {failpoint}", highlight=False)
            began = monotonic()
            await self._die_at(failpoint, step)
            self._ledger.note(f"death at {failpoint}, ready after", f"{monotonic() - began:.1f} s")
            step += 1

    async def _timed(self, what: str, instance: str) -> None:
        began = monotonic()
        await self._striking.kill(instance)
        await self._striking.back()
        self._ledger.note(f"{what}, all ready after", f"{monotonic() - began:.1f} s")

    async def _die_at(self, failpoint: str, step: int) -> None:
        instance, child = await self._armed(failpoint)

        async def died() -> bool:
            return not child.alive()

        async def up() -> bool:
            return await died() or await self._system.is_ready(instance)

        await until(up, what=f"{instance} is not up", seconds=PATIENCE_SECONDS, pause=0.05)
        self.troubled.steps.begin(step)  # not before: the others would do all of it meanwhile
        await until(died, what=f"nobody came to {failpoint}", seconds=PATIENCE_SECONDS, pause=0.02)
        await self._striking.count(instance)
        self._system.watch(child)
        await self._striking.back()

    async def _armed(self, failpoint: str) -> tuple[str, Child]:
        service = failpoint.partition(".")[0]
        if service != "tickets":
            self._system.send(service, signal.SIGSTOP)
            await self._striking.count(service)
            return service, self._system.arm(service, failpoint)
        holder, _ = await self._holder()
        other = "tickets-2" if holder == "tickets-1" else "tickets-1"
        if "relay" in failpoint:
            return holder, await self._armed_relay(holder, other, failpoint)
        return other, self._system.arm(other, failpoint)

    async def _armed_relay(self, instance: str, other: str, failpoint: str) -> Child:
        """The relay dies where it is: the other may not take its lease while it starts."""
        self._system.send(other, signal.SIGSTOP)
        try:
            child = self._system.arm(instance, failpoint)
            _, before = await self._holder()

            async def relays() -> bool:
                if not child.alive():
                    return True
                holder, held_until = await self._holder()
                return holder == instance and held_until > before

            await until(
                relays, what=f"{instance} does not relay", seconds=PATIENCE_SECONDS, pause=0.05
            )
        finally:
            self._system.send(other, signal.SIGCONT)
        return child

    async def _holder(self) -> tuple[str, datetime]:
        async def held() -> tuple[str, datetime] | None:
            rows = await self._system.rows(_HOLDER)
            return (rows[0][0], rows[0][1]) if rows else None

        return await until(held, what="nobody holds the relay's lease", seconds=PATIENCE_SECONDS)


if __name__ == "__main__":
    given = arguments(__doc__)
    shape = Topology(brokers=given.brokers, replicas=given.replicas)
    systems.main(check(given.seed, given.logs, shape))
