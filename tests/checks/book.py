"""What happened, as those who did it know: the plan, and what the agents were answered."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from deploy.simulator.customers.plan import (
    Conversation,
    Plan,
    Webhook,
    expected_messages,
    is_courtesy,
)
from deploy.simulator.shapes import Number
from tests.checks.agent import Json
from tests.checks.peppers import wamid_hash


@dataclass(slots=True)
class Episode:
    """A ticket that an agent won."""

    ticket: str
    conversation: Conversation
    owner: str
    said: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # id, text
    read: str | None = None  # wamid of the last message that was marked as read
    closed: bool = False
    farewell: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """An agent who came too late, and who was said to hold the ticket."""

    ticket: str
    agent: str
    held_by: str | None


class Book:
    """Filled while the story goes on; the oracle judges by it."""

    def __init__(self, plan: Plan, numbers: tuple[Number, ...], secret: bytes) -> None:
        self.plan = plan
        self.expected = expected_messages(plan.webhooks)
        self.replies = {webhook.conversation: webhook for webhook in plan.after_closing}
        self.episodes: dict[str, Episode] = {}
        self.lost: list[Lost] = []
        self.seconds: set[str] = set()  # tickets that followed another one, as agents saw them
        self.written: set[Conversation] = set()  # whose reply after the closing was delivered
        self.phones = {number.phone_number_id: number.display_phone for number in numbers}
        self._secret = secret
        self._by_hash: dict[tuple[str, str], dict[str, Webhook]] = {}

    def webhook_of(self, connection: Json, hash_: str | None) -> Webhook | None:
        """Which webhook a line comes from; None when nobody wrote it there."""
        where = (connection["id"], connection["number"])
        if where not in self._by_hash:
            self._by_hash[where] = {
                wamid_hash(self._secret, where[0], webhook.wamid): webhook
                for webhook in (*self.plan.webhooks, *self.plan.after_closing)
                if self.phones[webhook.conversation[1]] == where[1]
            }
        return self._by_hash[where].get(hash_ or "")

    def inbound(self, card: Json, lines: list[Json]) -> Iterator[tuple[Json, Webhook | None]]:
        """Lines that a customer wrote, each with its webhook."""
        for line in lines:
            if line["kind"] == "message" and line["direction"] == "in":
                yield line, self.webhook_of(card["connection"], line["wamid_hash"])

    @property
    def followed(self) -> set[Conversation]:
        """Conversations whose reply opens one more ticket."""
        return {where for where, reply in self.replies.items() if not is_courtesy(reply)}

    def progress(self) -> str:
        """How far the story is, in one line."""
        episodes = self.episodes.values()
        closed = sum(episode.closed for episode in episodes)
        return (
            f"of {len(self.replies)} conversations: {len(self.episodes)} tickets accepted, "
            f"{closed} closed, {len(self.written)} replied, {len(self.seconds)} opened again"
        )

    def told(self) -> bool:
        """Whether everybody did what the story asks of them."""
        wanted = {ticket for ticket in self.seconds if taken_again(ticket)}
        return (
            self.written == set(self.replies)
            and len(self.seconds) == len(self.followed)
            and wanted <= self.episodes.keys()
            and all(self.episodes[ticket].said for ticket in wanted)
        )


def taken_again(ticket: str) -> bool:
    """Whether agents take this ticket when it follows a closed one; the others keep waiting."""
    return int(ticket[-1], 16) % 3 == 0
