"""How does a raw body get to the receiver? Signed or not, as often as wanted, retried or not."""

import asyncio
from collections.abc import Sequence
from typing import Final

from deploy.simulator.control.bodies import RawWebhook
from deploy.simulator.control.learning import learn
from deploy.simulator.json_values import Json
from deploy.simulator.ledger import Item
from deploy.simulator.signing import escaped
from deploy.simulator.world import World

_OK: Final = 200
_KEYWORDS: Final = {"valid": None, "none": ""}


async def send_raw(world: World, webhook: RawWebhook) -> list[int]:
    """The HTTP status of each copy's last delivery, 0 where no answer came."""
    body = _bytes(world, webhook)
    envelope = None if webhook.raw is not None else _envelope(world, webhook)
    items = learn(world, envelope) if envelope else []
    items = items or [_unread(world, webhook)]
    copies = [_deliver(world, webhook, body, items) for _ in range(webhook.copies)]
    if webhook.parallel:
        return await asyncio.gather(*copies)
    return [await copy for copy in copies]


async def _deliver(world: World, webhook: RawWebhook, body: bytes, items: Sequence[Item]) -> int:
    signed = _KEYWORDS.get(webhook.signature, webhook.signature)
    attempt, failed_at = 0, None
    while True:
        door = world.doors.next(failed_at)
        code = await world.deliveries.attempt(door, body, signed)
        for item in items:
            item.answered(code)
        if code == _OK or not webhook.retry:
            return code
        pauses = world.behaviour.retry_seconds
        await asyncio.sleep(pauses[min(attempt, len(pauses) - 1)])
        attempt, failed_at = attempt + 1, door


def _unread(world: World, webhook: RawWebhook) -> Item:
    return world.ledger.item("raw", str(world.ledger.items_seen + 1), "", None, webhook.field)


def _bytes(world: World, webhook: RawWebhook) -> bytes:
    if webhook.raw is not None:
        return webhook.raw.encode()
    return escaped(_envelope(world, webhook))


def _envelope(world: World, webhook: RawWebhook) -> Json:
    if webhook.body is not None:
        return webhook.body
    account = webhook.waba_id or next(iter(world.numbers.values())).waba_id
    change = {"value": webhook.value or {}, "field": webhook.field}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": account, "changes": [change]}],
    }
