"""What becomes of a message of the business? Its statuses, with delays and faults (Cloud API 5)."""

import asyncio

from deploy.simulator.behaviour import Behaviour
from deploy.simulator.deliveries import Update
from deploy.simulator.errors import RefusedError
from deploy.simulator.faults import Fault, Kind
from deploy.simulator.json_values import Json
from deploy.simulator.shapes import Sent, contact, status
from deploy.simulator.world import World

Step = tuple[float, str]  # milliseconds after acceptance, name of the status

_FAULTS = (
    Kind.STATUS_NONE,
    Kind.STATUS_SKIP_DELIVERED,
    Kind.STATUS_REORDER,
    Kind.STATUS_DUPLICATE,
    Kind.STATUS_LATE,
)


def plan(behaviour: Behaviour, faults: dict[Kind, Fault], *, read: bool) -> tuple[Step, ...]:
    """Which statuses come, and when."""
    if Kind.STATUS_NONE in faults:
        return ()
    steps = [(behaviour.sent_ms, "sent"), (behaviour.delivered_ms, "delivered")]
    if read:
        steps.append((behaviour.read_ms, "read"))
    if Kind.STATUS_SKIP_DELIVERED in faults:
        steps = [step for step in steps if step[1] != "delivered"]
    if Kind.STATUS_REORDER in faults:
        times, names = (
            [step[0] for step in steps],
            [step[1] for step in reversed(steps)],
        )
        steps = list(zip(times, names, strict=True))
    if Kind.STATUS_DUPLICATE in faults:
        steps = [step for step in steps for _ in range(2)]
    late = faults.get(Kind.STATUS_LATE)
    return tuple((time + (late.ms or 0 if late else 0), name) for time, name in steps)


def schedule(world: World, sent: Sent, *, without_sent: bool = False) -> None:
    """Let the statuses of an accepted message come, each in its time."""
    number = sent.number.phone_number_id
    drawn = {kind: world.faults.draw(kind, number) for kind in _FAULTS}
    faults = {kind: fault for kind, fault in drawn.items() if fault}
    read = world.chance.random() < world.behaviour.read_share
    for after, name in plan(world.behaviour, faults, read=read):
        if not (without_sent and name == "sent"):
            _later(world, sent, after, name)


def schedule_failure(world: World, sent: Sent, error: RefusedError) -> None:
    """Let the message fail by a status, although it was accepted."""
    _later(world, sent, world.behaviour.failed_ms, "failed", error.of_status())


async def send_before_answer(world: World, sent: Sent, patience_seconds: float = 3) -> None:
    """Send `sent` and wait until the receiver has it, or patience ends."""
    done = asyncio.Event()
    world.deliveries.post([_update(world, sent, "sent", None, done)])
    try:
        await asyncio.wait_for(done.wait(), patience_seconds)
    except TimeoutError:
        return  # the receiver is away: Meta would answer all the same


def _later(world: World, sent: Sent, after_ms: float, name: str, error: Json | None = None) -> None:
    generation = world.generation

    def emit() -> None:
        if world.generation == generation:
            world.deliveries.status(_update(world, sent, name, error))

    asyncio.get_running_loop().call_later(after_ms / 1000, emit)


def _update(
    world: World,
    sent: Sent,
    name: str,
    error: Json | None,
    done: asyncio.Event | None = None,
) -> Update:
    now = world.clock.now()
    history = world.history(sent.wamid)
    if history:
        history.events.append((name, now))
    number = sent.number.phone_number_id
    item = world.ledger.item("status", f"{sent.wamid}:{name}", number, sent.person.key, name)
    shape = status(sent, name, now, world.behaviour.webhook_version, error)
    # Contacts are absent on `failed` (Cloud API 5).
    known = None if error else contact(sent.person, username=name != "sent")
    return Update(item, sent.number, "statuses", shape, known, done)
