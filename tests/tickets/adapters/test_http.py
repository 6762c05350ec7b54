"""Commands over HTTP: answers, typed refusals, who may ask."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from services.tickets.settings import Settings
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing.partitions import partition_of
from tests.support.stack import Kafka, Postgres
from tests.tickets.adapters.serving import (
    ANA,
    BIA,
    FLOW,
    HEARD,
    SECTOR,
    STRANGER,
    Said,
    Served,
    a_text,
    announce,
    customers_write,
    serve,
)
from tests.wire.support import create_topics

pytestmark = pytest.mark.asyncio(loop_scope="module")
_numbers = count(5511900000000)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settings(postgres: Postgres, kafka: Kafka, keys_dir: Path) -> Settings:
    """One process for all tests of this module; each has a customer of its own."""
    made = Settings(
        kafka_bootstrap_servers=kafka.bootstrap,
        kafka_prefix=f"t{uuid4().hex[:10]}.",
        keys_dir=keys_dir,
        database_url=postgres.service_url(postgres.new_database(), "tickets"),
        instance="tickets-1",
    )
    await create_topics(made, *HEARD, "tickets.events", "outbound.commands")
    await announce(made)
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(settings: Settings) -> AsyncGenerator[Served]:
    async with serve(settings) as made:
        await made.until_ready()
        yield made


@dataclass(frozen=True)
class Waiting:
    """A ticket whose customer wrote "oi"."""

    id: UUID
    contact: str


@pytest_asyncio.fixture(loop_scope="module")
async def ticket(served: Served, settings: Settings) -> Waiting:
    phone = str(next(_numbers))
    await customers_write(settings, a_text(phone, "oi"))
    opened = await served.until_waiting(phone)
    return Waiting(UUID(opened["ticket_id"]), opened["contact_id"])


def assert_refused(said: Said, status: int, code: str) -> None:
    assert (said.status, said.body.get("code")) == (status, code)
    assert said.headers["content-type"] == "application/problem+json"


async def test_an_accepted_ticket_is_answered_with_state_version_and_position(
    served: Served, ticket: Waiting
) -> None:
    said = await served.command(ticket.id, "accept")
    assert said.status == 200
    state = said.body["ticket"]
    assert (state["lifecycle"], state["owner_id"]) == ("attending", str(ANA))
    assert state["sector_id"] == str(SECTOR)
    assert said.body["version"] == state["version"] >= 2
    assert said.headers["x-position"] == said.body["position"]
    epoch, _, place = said.body["position"].partition(".")
    partition, _, log_id = place.partition("-")
    key = state["contact_id"].encode()
    assert (epoch, int(partition)) == ("1", partition_of(key, TICKETS_EVENTS.partitions))
    assert int(log_id) <= max(int(e["position"].split(".")[1]) for e in await served.feed())
    assert state["allowed"]["send_message"]["allowed"] is True
    assert state["allowed"]["accept"]["allowed"] is True, "the owner's second click is no error"
    await served.until_told(
        "MessageQueued", 1, ticket.contact
    )  # the acceptance text, in the same append


async def test_the_second_agent_is_told_who_holds_the_ticket_and_since_when(
    served: Served, ticket: Waiting
) -> None:
    first, second = await asyncio.gather(
        served.command(ticket.id, "accept", agent=ANA),
        served.command(ticket.id, "accept", agent=BIA),
    )
    won, lost = (first, second) if first.status == 200 else (second, first)
    assert_refused(lost, 409, "already_accepted")
    assert won.status == 200
    assert lost.body["held_by"] == {"agent_id": won.body["ticket"]["owner_id"]}
    assert lost.body["version"] == won.body["version"]
    assert lost.body["since"]
    assert len(await served.until_told("TicketAccepted", 1, ticket.contact)) == 1


async def test_the_same_command_again_gets_the_first_answer(
    served: Served, ticket: Waiting
) -> None:
    again = uuid4()
    first = await served.command(ticket.id, "accept", command_id=again)
    second = await served.command(ticket.id, "accept", command_id=again)
    assert second.status == 200
    assert second.body["version"] == first.body["version"]
    assert second.body["position"] == first.body["position"]
    assert len(await served.until_told("TicketAccepted", 1, ticket.contact)) == 1
    other = await served.command(ticket.id, "close", command_id=again)
    assert_refused(other, 422, "idempotency_key_reused")


async def test_a_reply_is_queued_for_outbound_with_its_id(served: Served, ticket: Waiting) -> None:
    await served.command(ticket.id, "accept")
    said = await served.command(ticket.id, "messages", {"type": "text", "text": "Bom dia!"})
    assert said.status == 200
    queued = await served.until_told("MessageQueued", 2, ticket.contact)
    assert said.body["message_id"] == queued[-1]["message_id"]
    assert queued[-1]["content"]["text"] == "Bom dia!"


async def test_an_episode_is_read_closed_and_reopened(served: Served, ticket: Waiting) -> None:
    await served.command(ticket.id, "accept")
    (received,) = await served.until_told("MessageReceived", 1, ticket.contact)
    assert (
        await served.command(ticket.id, "read", {"up_to": received["message_id"]})
    ).status == 200
    closed = await served.command(ticket.id, "close", {"farewell": False})
    assert closed.body["ticket"]["lifecycle"] == "closed"
    reply = await served.command(ticket.id, "messages", {"type": "text", "text": "tarde demais"})
    assert_refused(reply, 409, "ticket_closed")
    reopened = await served.command(ticket.id, "reopen")
    assert reopened.body["ticket"]["lifecycle"] == "attending"


async def test_another_version_than_expected_is_refused(served: Served, ticket: Waiting) -> None:
    said = await served.command(ticket.id, "close", expected=99)
    assert_refused(said, 412, "version_mismatch")
    assert said.body["version"] >= 1


async def test_what_does_not_exist_is_not_found(served: Served) -> None:
    assert_refused(await served.command(uuid4(), "accept"), 404, "not_found")


async def test_a_stranger_to_the_sector_is_refused(served: Served, ticket: Waiting) -> None:
    said = await served.command(ticket.id, "accept", agent=STRANGER)
    assert_refused(said, 403, "not_in_sector")


async def test_a_ticket_of_another_account_is_not_found(served: Served, ticket: Waiting) -> None:
    token = served.token(account=uuid4())
    said = await served.command(ticket.id, "accept", token=token)
    assert said.status in {403, 404}
    assert said.body["code"] in {"forbidden", "not_found"}
    assert await served.get(f"/internal/tickets/{ticket.id}", token) is not None


async def test_a_state_says_what_is_allowed_and_why_not(served: Served, ticket: Waiting) -> None:
    said = await served.get(f"/internal/tickets/{ticket.id}", served.token())
    assert said.body["lifecycle"] == "waiting"
    assert said.body["allowed"]["accept"] == {
        "allowed": True,
        "needs": [],
        "code": None,
        "detail": None,
    }
    assert said.body["allowed"]["send_message"]["code"] == "ticket_waiting"


@pytest.mark.parametrize(
    ("service", "audience", "status", "code"),
    [
        ("gateway", "directory", 401, "unauthenticated"),
        ("projections", "tickets", 403, "forbidden"),
    ],
)
async def test_only_the_gateway_commands(
    served: Served, ticket: Waiting, service: str, audience: str, status: int, code: str
) -> None:
    token = served.token(service, audience)
    assert_refused(await served.command(ticket.id, "accept", token=token), status, code)


async def test_only_read_models_and_the_bot_read_the_feed(served: Served) -> None:
    assert_refused(await served.get("/internal/events"), 401, "unauthenticated")
    said = await served.get("/internal/events", served.token("gateway"))
    assert_refused(said, 403, "forbidden")
    said = await served.get("/internal/events", served.token("bot", account=None))
    assert said.status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "text", "text": ""}, "text"),
        ({"type": "image", "media_id": "1"}, "media_id"),
        ({"type": "poll", "text": "?"}, "type"),
        ({"text": "?"}, "type"),
    ],
)
async def test_a_wrong_field_is_named(
    served: Served, ticket: Waiting, body: dict[str, object], field: str
) -> None:
    said = await served.command(ticket.id, "messages", body)
    assert_refused(said, 422, "invalid_request")
    assert said.body["field"] == field


async def test_an_agent_starts_the_flow_and_another_takes_the_ticket_back(
    served: Served, ticket: Waiting
) -> None:
    before = await served.get(f"/internal/tickets/{ticket.id}", served.token())
    assert before.body["allowed"]["start_flow"]["allowed"] is True
    started = await served.command(ticket.id, "flow")
    assert (started.status, started.body["ticket"]["lifecycle"]) == (200, "bot")
    assert started.body["ticket"]["allowed"]["accept"]["allowed"] is True
    assert started.body["ticket"]["allowed"]["close"]["allowed"] is True
    (told,) = await served.until_told("FlowSessionStarted", 1, ticket.contact)
    assert (told["flow_id"], told["return_to"]) == (str(FLOW), None)
    assert_refused(await served.command(ticket.id, "flow"), 409, "ticket_in_bot")
    taken = await served.command(ticket.id, "accept", agent=BIA)
    assert taken.body["ticket"]["owner_id"] == str(BIA)
    (ended,) = await served.until_told("FlowSessionEnded", 1, ticket.contact)
    assert (ended["session_id"], ended["reason"]) == (told["session_id"], "human_takeover")
    assert_refused(await served.command(ticket.id, "flow"), 409, "ticket_attended")
    stranger = await served.command(ticket.id, "flow", {"flow_id": str(FLOW)})
    assert_refused(stranger, 422, "invalid_request")
