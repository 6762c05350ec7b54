"""How do the customers of a plan write? All at once, through the simulator's raw webhooks."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from deploy.simulator.customers.plan import Webhook, by_conversation
from deploy.simulator.shapes import Number


class Reachable(Protocol):
    """A system whose simulator can be steered."""

    @property
    def public(self) -> Mapping[str, str]:
        """What `guiche.env` says."""
        ...

    async def control(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Ask the simulator to do something."""
        ...


def demo_numbers(system: Reachable) -> tuple[Number, Number]:
    """The two connections of the demo account."""
    public = system.public
    account, phone = public["GUICHE_WABA_ID"], public["GUICHE_DISPLAY_PHONE"]
    second = f"{phone[:-1]}{int(phone[-1]) + 1}"  # as demo.yaml numbers them
    return (
        Number(public["GUICHE_PHONE_NUMBER_ID"], phone, account),
        Number(public["GUICHE_BOT_PHONE_NUMBER_ID"], second, account),
    )


class Steps:
    """When may a conversation begin? They are dealt out to steps; with one step all at once."""

    def __init__(self, count: int = 1) -> None:
        self._begun = [asyncio.Event() for _ in range(count)]
        self.begin(0)

    def begin(self, step: int) -> None:
        """Let the conversations of this step write."""
        self._begun[step].set()

    async def allowed(self, conversation: int) -> None:
        """Return when the conversation's step has begun."""
        await self._begun[conversation % len(self._begun)].wait()


async def write_all(system: Reachable, webhooks: Sequence[Webhook], steps: Steps) -> None:
    """Conversations side by side; bursts one after another, members of an album in parallel."""
    async with asyncio.TaskGroup() as tasks:
        for number, written in enumerate(by_conversation(webhooks).values()):
            tasks.create_task(_conversation(system, written, steps.allowed(number)))


async def _conversation(
    system: Reachable, webhooks: Sequence[Webhook], allowed: Awaitable[None]
) -> None:
    await allowed
    for burst in sorted({webhook.burst for webhook in webhooks}):
        members = [webhook for webhook in webhooks if webhook.burst == burst]
        await asyncio.gather(*(write(system, webhook) for webhook in members))


async def write(system: Reachable, webhook: Webhook) -> None:
    """Deliver one with its copies, each until it gets 200."""
    body = {
        "body": webhook.body,
        "copies": webhook.copies,
        "parallel": webhook.burst % 2 == 0,
        "retry": True,
    }
    await system.control("webhooks", body)
