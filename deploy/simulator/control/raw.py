"""How does a raw body get to the receiver? Signed or not, as often as wanted, without retries."""

import asyncio

from deploy.simulator.control.bodies import RawWebhook
from deploy.simulator.json_values import Json
from deploy.simulator.signing import escaped
from deploy.simulator.world import World


async def send_raw(world: World, webhook: RawWebhook) -> list[int]:
    """The HTTP status of each delivery, 0 where no answer came."""
    body = _bytes(world, webhook)
    signed = {"valid": None, "none": ""}.get(webhook.signature, webhook.signature)
    seq = world.ledger.items_seen + 1
    item = world.ledger.item("raw", str(seq), "", None, webhook.field)

    async def once() -> int:
        code = await world.deliveries.attempt(body, signed)
        item.answered(code)
        return code

    if webhook.parallel:
        return await asyncio.gather(*(once() for _ in range(webhook.copies)))
    return [await once() for _ in range(webhook.copies)]


def _bytes(world: World, webhook: RawWebhook) -> bytes:
    if webhook.raw is not None:
        return webhook.raw.encode()
    return escaped(webhook.body if webhook.body is not None else _envelope(world, webhook))


def _envelope(world: World, webhook: RawWebhook) -> Json:
    account = webhook.waba_id or next(iter(world.numbers.values())).waba_id
    change = {"value": webhook.value or {}, "field": webhook.field}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": account, "changes": [change]}],
    }
