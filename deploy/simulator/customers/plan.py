"""What will be written, and what must come of it? Plain data for checks, and their oracle."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deploy.simulator.customers.lines import Line
from deploy.simulator.json_values import Json
from deploy.simulator.person import Person

Conversation = tuple[str, str]  # key of the customer (phone, else user id), phone_number_id


@dataclass(frozen=True, slots=True)
class Webhook:
    """One POST with one message."""

    conversation: Conversation
    burst: int  # of its conversation: bursts follow one another, members of one go in parallel
    wamid: str
    line: Line
    body: Json  # the whole envelope
    copies: int = 1  # how often it is delivered in all


@dataclass(frozen=True, slots=True)
class Plan:
    """All that the customers of a check write."""

    people: tuple[Person, ...]
    webhooks: tuple[Webhook, ...]  # interleaved; within a conversation in order of bursts
    after_closing: tuple[Webhook, ...]  # one per conversation, for after an agent closed it

    @property
    def deliveries(self) -> int:
        """How many POSTs are sent in all before the closing."""
        return sum(webhook.copies for webhook in self.webhooks)


def by_conversation(webhooks: Sequence[Webhook]) -> dict[Conversation, list[Webhook]]:
    """The webhooks of each conversation, in order."""
    sorted_out: dict[Conversation, list[Webhook]] = {}
    for webhook in webhooks:
        sorted_out.setdefault(webhook.conversation, []).append(webhook)
    return sorted_out


def expected_messages(webhooks: Sequence[Webhook]) -> dict[Conversation, list[Webhook]]:
    """What each conversation's tickets must hold: once each, reactions left out.

    A conversation that is not named here must have no ticket.
    """
    sorted_out = by_conversation([each for each in webhooks if each.line.says_something])
    return {conversation: members for conversation, members in sorted_out.items() if members}


def is_courtesy(webhook: Webhook) -> bool:
    """Whether it stays under the closed ticket (inside the courtesy window) and opens none."""
    return webhook.line.text in _COURTESIES


_COURTESIES = frozenset({"obrigado", "🙏"})


def differences(
    webhooks: Sequence[Webhook], found: Mapping[Conversation, Sequence[str]]
) -> Iterator[str]:
    """Compare with the wamids found under each conversation, in their order.

    Members of a burst may stand in any order; bursts follow one another.
    """
    expected = expected_messages(webhooks)
    for conversation in sorted(expected.keys() | found.keys()):
        members = expected.get(conversation, [])
        actual = list(found.get(conversation, ()))
        yield from _compared(conversation, members, actual)


def _compared(
    conversation: Conversation, members: Sequence[Webhook], actual: Sequence[str]
) -> Iterator[str]:
    wanted = {webhook.wamid: webhook.burst for webhook in members}
    for wamid in wanted.keys() - set(actual):
        yield f"{conversation}: {wamid} is missing"
    for wamid in set(actual) - wanted.keys():
        yield f"{conversation}: {wamid} was never written here"
    for wamid in {wamid for wamid in actual if actual.count(wamid) > 1}:
        yield f"{conversation}: {wamid} is there {actual.count(wamid)} times"
    bursts = [wanted[wamid] for wamid in actual if wamid in wanted]
    if bursts != sorted(bursts):
        yield f"{conversation}: out of order, bursts {bursts}"
