"""Does Meta accept this message, and what follows? Pace, window, wamid, statuses."""

from dataclasses import dataclass

from deploy.simulator.errors import RefusedError
from deploy.simulator.faults import Kind
from deploy.simulator.json_values import Json
from deploy.simulator.ledger import Request
from deploy.simulator.person import Person, is_user_id
from deploy.simulator.shapes import Number, Sent
from deploy.simulator.statuses import schedule, schedule_failure
from deploy.simulator.validation import Outgoing
from deploy.simulator.world import Seen, World


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What was accepted, and the body of the 200."""

    sent: Sent
    answer: Json
    status_first: bool  # the status `sent` goes out before the answer


def refuse_by_pace(world: World, number: Number, person: Person) -> None:
    """Refuse what is too fast.

    Raises:
        RefusedError: 130429 for the number, 131056 for the pair.
    """
    where, now, rules = number.phone_number_id, world.steady(), world.behaviour
    level = rules.messages_per_second
    if rules.throughput and not world.pace.number(where, level, now).take(now):
        raise RefusedError(130429, "Cloud API message throughput has been reached.")
    if rules.pair_rate and not world.pace.pair(where, person.key, now).take(now):
        raise RefusedError(131056, "Too many messages sent from this number to this person.")


def window_refusal(
    world: World, number: Number, person: Person, call: Outgoing
) -> RefusedError | None:
    """A late free-form message: refused at once, or (returned) by a status afterwards.

    Raises:
        RefusedError: 131047, at once.
    """
    where = number.phone_number_id
    fault = world.faults.draw(Kind.WINDOW_ERROR, where)
    is_open = world.windows.is_open(where, person.key, world.clock.now())
    allowed = call.type == "template" or is_open or not world.behaviour.window
    if allowed and not fault:
        return None
    refusal = RefusedError(131047, "More than 24 hours have passed since the person last wrote.")
    later = world.chance.random() < world.behaviour.window_async_share
    if fault and fault.when:
        later = fault.when == "async"
    if not later:
        raise refusal
    return refusal


def accept(
    world: World,
    entry: Request,
    number: Number,
    person: Person,
    call: Outgoing,
    *,
    late: RefusedError | None,
) -> Acceptance:
    """Take the message: from here on it counts as accepted, whatever is answered."""
    wamid = world.mint(person.key, inbound=False)
    entry.accepted, entry.wamid = True, wamid
    sent = Sent(wamid, number, person, call.category, call.opaque)
    world.remember(sent)
    first = world.faults.draw(Kind.STATUS_BEFORE_ANSWER, number.phone_number_id) is not None
    if late:
        schedule_failure(world, sent, late)
        return Acceptance(sent, _answer(call, sent), status_first=False)
    schedule(world, sent, without_sent=first)
    where, now = number.phone_number_id, world.clock.now()
    seen = Seen(where, wamid, call.type, call.text, now, call.opaque, call.choices, call.media_id)
    world.screen(person.key).seen.append(seen)
    world.heard(person, number, seen)
    return Acceptance(sent, _answer(call, sent), status_first=first)


def _answer(call: Outgoing, sent: Sent) -> Json:
    contact: Json = {"input": call.to}
    if is_user_id(call.to):
        contact["user_id"] = call.to
    else:
        contact["wa_id"] = sent.person.phone or ""
    message: Json = {"id": sent.wamid}
    if call.type == "template":
        message["message_status"] = "accepted"
    return {
        "messaging_product": "whatsapp",
        "contacts": [contact],
        "messages": [message],
    }
