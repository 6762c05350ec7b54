"""What happened while the older system ran: customers, flows and agents over all features."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

import yaml

from deploy.simulator.contents import SAMPLES
from deploy.simulator.customers.script import script
from tests.checks.agent import Agent, Answer, Json
from tests.checks.customers import Steps, demo_numbers, write_all
from tests.checks.table import DifferenceError
from tests.checks.upgrade.installed import Running
from tests.checks.upgrade.reading import Answers, answers
from tests.support.waiting import until

QUESTION_SECONDS: Final = 120  # the flow's second question waits so long, and a hand-over, too
_CUSTOMERS, _WEBHOOKS = 16, 120
OF_EACH: Final = 3
_SETTLE_SECONDS: Final = 240.0
_PATIENCE_SECONDS: Final = 120.0
_KEYS: Final = UUID("5b1f1c0e-4f5f-4f4e-9d0e-9a1f4c1f7a10")
_TIMERS: Final = {
    "timers of flows": "SELECT count(*) FROM bot.timer",
    "timers of hand-overs": "SELECT count(*) FROM tickets.timer WHERE kind = 'unclaimed'",
}
_UNDELIVERABLE: Final = 131026
_SETTLED: Final = frozenset({"read", "failed", "unknown"})


@dataclass(frozen=True, slots=True)
class Said:
    """A command that was answered, to be sent again with its key."""

    login: str
    ticket: str
    verb: str
    body: Json
    key: str
    answer: Answer


@dataclass(slots=True)
class Past:
    """Who did what; phones name customers, ids tickets."""

    said: list[Said] = field(default_factory=list[Said])
    at_menu: list[str] = field(default_factory=list[str])  # phones: the flow waits for an answer
    by_hand: list[str] = field(default_factory=list[str])  # … which an agent started
    silent: list[str] = field(default_factory=list[str])  # phones: its question will time out
    unclaimed: list[str] = field(default_factory=list[str])  # phones: handed over, nobody came
    on_hold: dict[str, str] = field(default_factory=dict[str, str])  # message id -> text
    unknown: dict[str, str] = field(default_factory=dict[str, str])  # message id -> wamid
    last_words: list[str] = field(default_factory=list[str])  # texts just before the end
    touched: set[str] = field(default_factory=set[str])  # tickets that go on after the upgrade


class Office:
    """The agents, who act by the number of a ticket, and note what they were answered."""

    def __init__(self, system: Running, past: Past, agents: Sequence[Agent]) -> None:
        self.system = system
        self.past = past
        self.agents = agents

    async def do(self, agent: Agent, ticket: str, verb: str, body: Json | None = None) -> Json:
        """A command that must be taken."""
        key = str(uuid5(_KEYS, f"{ticket} {verb} {len(self.past.said)}"))
        answer = await agent.command(ticket, verb, body, key)
        if answer.status not in {200, 202}:
            what = f"{verb} of {ticket}: {answer.status} {answer.body}"
            raise DifferenceError(what)
        self.past.said.append(Said(agent.login, ticket, verb, body or {}, key, answer))
        return answer.body

    async def serve_all(self) -> None:
        """Every waiting ticket, in a way that its place in the list says."""
        for number, card in enumerate(await self.agents[0].view("aguardando")):
            await self.serve(card, number)

    async def serve(self, card: Json, number: int) -> None:
        """Left, accepted, answered, closed, closed and taken up again, closed and written to."""
        way = number % 7
        agent, ticket = self.agents[number % len(self.agents)], card["id"]
        if way == 0:
            return
        await self.do(agent, ticket, "accept")
        if way == 1:
            return
        await self.answer(agent, ticket)
        if way == 2:
            return
        await self.do(agent, ticket, "close", {"farewell": way % 2 == 1})
        if way == 4:
            await self.do(agent, ticket, "reopen")
        if way > 4 and card["contact"]["phone"]:
            text = "obrigado" if way == 5 else "Ainda tenho uma dúvida"
            await write(self.system, card["contact"]["phone"], [{"text": text}])

    async def answer(self, agent: Agent, ticket: str) -> None:
        """A text, a quoted text, and the customer's lines marked as read."""
        lines = [line for line in await agent.timeline(ticket) if line["direction"] == "in"]
        text = {"type": "text", "text": f"Em que posso ajudar? ({ticket})"}
        await self.do(agent, ticket, "messages", text)
        quoting = {"type": "text", "text": f"Sobre isso: {ticket}", "reply_to": lines[-1]["id"]}
        await self.do(agent, ticket, "messages", quoting)
        await self.do(agent, ticket, "read", {"up_to": lines[-1]["id"]})


async def write(
    system: Running,
    phone: str,
    lines: Sequence[Mapping[str, Any]],
    *,
    bot: bool = False,
) -> list[str]:
    """What a customer sends, in one post; their wamids."""
    body = {
        "phone_number_id": demo_numbers(system)[bot].phone_number_id,
        "name": f"Cliente {phone[-4:]}",
        "messages": list(lines),
        "together": True,
    }
    return (await system.control(f"customers/{phone}/messages", body))["wamids"]


async def screen(system: Running, phone: str) -> list[Json]:
    """What a customer sees."""
    found = await system.seen(f"customers/{phone}")
    return [] if found is None else found["messages"]


async def sees(system: Running, phone: str, count: int) -> list[Json]:
    """Wait until a customer sees so many messages."""

    async def enough() -> list[Json] | None:
        messages = await screen(system, phone)
        return messages if len(messages) >= count else None

    return await until(
        enough, what=f"{phone} does not see {count} messages", seconds=_PATIENCE_SECONDS
    )


def short_flow(checkout: Path, folder: Path) -> Path:
    """The reception flow of that checkout with short waits, in a folder of its own."""
    flow = yaml.safe_load((checkout / "services/bot/flows/recepcao.yaml").read_text())
    flow["nodes"]["assunto"]["timeout"] = f"{QUESTION_SECONDS}s"
    flow["nodes"]["pessoa"]["unclaimed"]["after"] = f"{QUESTION_SECONDS}s"
    folder.mkdir()
    text = yaml.safe_dump(flow, allow_unicode=True, sort_keys=False)
    (folder / "recepcao.yaml").write_text(text)
    return folder


async def settled_part(office: Office, seed: int) -> None:
    """Everything that is over before the upgrade."""
    system = office.system
    numbers = demo_numbers(system)[:1]
    plan = script(seed, numbers, customers=_CUSTOMERS, webhooks=_WEBHOOKS, start=int(time.time()))
    await write_all(system, plan.webhooks, Steps())
    await _every_type(system, "5511920000001")
    await _waiting(office, _CUSTOMERS)
    await office.serve_all()
    await _facts_of_messages(office, "5511920000002")
    await _failed(office, "5511920000003")
    await _flow_to_its_end(office)
    await settled(office.agents[0])


async def settled(agent: Agent) -> Answers:
    """The answers as soon as nothing moves any more."""
    seen: list[Answers] = []

    async def still() -> Answers | None:
        now = await answers(agent)
        same = bool(seen) and seen[-1] == now
        seen[:] = [now]
        return now if same and not moving(now) else None

    return await until(
        still, what="the older system does not settle", seconds=_SETTLE_SECONDS, pause=1.0
    )


def moving(found: Answers) -> set[str]:
    """Tickets with a message whose fate is not the last."""
    return {
        ticket
        for ticket, lines in found.timelines.items()
        if any(_is_out(line) and line["fate"] not in _SETTLED for line in lines)
    }


def _is_out(line: Json) -> bool:
    return line["kind"] == "message" and line["direction"] == "out"


async def _every_type(system: Running, phone: str) -> None:
    await write(system, phone, [{"type": kind} for kind in SAMPLES])


async def _waiting(office: Office, count: int) -> None:
    async def enough() -> bool:
        return len(await office.agents[0].view("aguardando")) >= count

    await until(enough, what=f"{count} tickets do not wait", seconds=_PATIENCE_SECONDS)


async def ticket_of(agent: Agent, phone: str, view: str = "aguardando") -> str:
    """The customer's ticket, as soon as it is listed."""

    async def listed() -> str | None:
        cards = await agent.view(view)
        return next((card["id"] for card in cards if card["contact"]["phone"] == phone), None)

    return await until(listed, what=f"no ticket of {phone} in {view}", seconds=_PATIENCE_SECONDS)


async def _facts_of_messages(office: Office, phone: str) -> None:
    """A reaction of the customer to our text; a text of theirs changed, another taken back."""
    system, agent = office.system, office.agents[0]
    first, second = await write(system, phone, [{"text": "Quero dois"}, {"text": "Ops"}])
    ticket = await ticket_of(agent, phone)
    await office.do(agent, ticket, "accept")
    await office.answer(agent, ticket)
    ours = (await sees(system, phone, 3))[-1]["wamid"]
    edited = {"type": "text", "text": {"body": "Quero três"}}
    edit = {"edit": {"original_message_id": first, "message": edited}}
    await write(system, phone, [{"type": "edit", "content": edit}])
    revoke = {"revoke": {"original_message_id": second}}
    await write(system, phone, [{"type": "revoke", "content": revoke}])
    reaction = {"reaction": {"message_id": ours, "emoji": "❤️"}}
    await write(system, phone, [{"type": "reaction", "content": reaction}])


async def _failed(office: Office, phone: str) -> None:
    """A text that Meta refuses for good."""
    agent = office.agents[1]
    await write(office.system, phone, [{"text": "Vocês atendem hoje?"}])
    ticket = await ticket_of(agent, phone)
    await office.do(agent, ticket, "accept")
    await sees(office.system, phone, 2)  # greeting and acceptance
    fault = {"kind": "refuse", "code": _UNDELIVERABLE, "next": 1}
    await office.system.control("faults", fault)
    await office.do(agent, ticket, "messages", {"type": "text", "text": "Sim, até as 18 h."})


async def _flow_to_its_end(office: Office) -> None:
    """The flow hands over, and an agent takes the ticket."""
    for number in range(OF_EACH):
        phone = f"551193000000{number}"
        await through_the_menu(office.system, phone)
        await write(office.system, phone, [{"text": "Segunda via do boleto"}], bot=True)
        await sees(office.system, phone, 4)
        await office.do(office.agents[0], await ticket_of(office.agents[0], phone), "accept")


async def through_the_menu(system: Running, phone: str) -> None:
    """Says hello to the flow and chooses a sector; now it asks what about."""
    await write(system, phone, [{"text": "oi"}], bot=True)
    await sees(system, phone, 2)
    await write(system, phone, [{"text": "Suporte"}], bot=True)
    await sees(system, phone, 3)


async def agents_of(system: Running) -> list[Agent]:
    """The administrator and two agents, signed in."""
    logins = system.public["GUICHE_AGENT_LOGINS"].split(",")[:2]
    found: list[Agent] = []
    for login in (system.public["GUICHE_ADMIN_LOGIN"], *logins):
        found.append(Agent(system.http, system.api, login, system.public["GUICHE_PASSWORD"]))
        await found[-1].sign_in()
    return found


async def refresh_token(system: Running) -> str:
    """Of a session that begins now."""
    login, password = system.public["GUICHE_ADMIN_LOGIN"], system.public["GUICHE_PASSWORD"]
    body = {"login": login, "password": password}
    async with system.http.post(f"{system.api}/v1/sessions", json=body) as answer:
        answer.raise_for_status()
        return (await answer.json())["refresh_token"]


async def timers_pending(system: Running) -> Mapping[str, int]:
    """Of the flow's questions, and of tickets that nobody has taken yet."""
    return {name: (await system.rows(query))[0][0] for name, query in _TIMERS.items()}


async def open_part(office: Office, seed: int) -> None:
    """What the upgrade cuts in two."""
    await asyncio.gather(*(_leave_open(office, number) for number in range(OF_EACH)))
    await _started_by_hand(office, "5511970000001")
    await _unknown(office, "5511970000002")
    await _on_hold(office, "5511970000003")
    for card in await office.agents[0].view("bot"):
        office.past.touched.add(card["id"])
    texts = [f"Antes do fim {number} ({seed})" for number in range(4 * OF_EACH)]
    office.past.last_words = texts
    phones = [f"55119800000{number:02}" for number in range(len(texts))]
    await asyncio.gather(
        *(write(office.system, p, [{"text": t}]) for p, t in zip(phones, texts, strict=True))
    )
    await _delivered(office.system, phones)


async def _leave_open(office: Office, number: int) -> None:
    past, system, agent = office.past, office.system, office.agents[0]
    menu, silent, left = f"551194000000{number}", f"551195000000{number}", f"551196000000{number}"
    await write(system, menu, [{"text": "oi"}], bot=True)
    await sees(system, menu, 2)
    await through_the_menu(system, silent)
    await through_the_menu(system, left)
    await write(system, left, [{"text": "Meu pedido não chegou"}], bot=True)
    past.touched.add(await ticket_of(agent, left))
    past.at_menu.append(menu)
    past.silent.append(silent)
    past.unclaimed.append(left)


async def _started_by_hand(office: Office, phone: str) -> None:
    """An agent lets the flow answer a ticket that waits."""
    await write(office.system, phone, [{"text": "oi"}], bot=True)
    await sees(office.system, phone, 2)
    await write(office.system, phone, [{"text": "atendente"}], bot=True)
    ticket = await ticket_of(office.agents[0], phone)
    before = len(await screen(office.system, phone))
    await office.do(office.agents[0], ticket, "flow")
    await sees(office.system, phone, before + 2)
    office.past.at_menu.append(phone)
    office.past.by_hand.append(phone)


async def _accepted(office: Office, phone: str) -> str:
    await write(office.system, phone, [{"text": "Bom dia"}])
    ticket = await ticket_of(office.agents[1], phone)
    await office.do(office.agents[1], ticket, "accept")
    await sees(office.system, phone, 2)
    office.past.touched.add(ticket)
    return ticket


async def _unknown(office: Office, phone: str) -> None:
    """Meta takes a text, and neither its answer nor a status arrives."""
    ticket = await _accepted(office, phone)
    for fault in ("cut_after_accept", "status_none"):
        await office.system.control("faults", {"kind": fault, "next": 1})
    body = {"type": "text", "text": "Um momento, por favor."}
    message = (await office.do(office.agents[1], ticket, "messages", body))["message_id"]

    async def wamid() -> str | None:
        lines = await office.agents[1].timeline(ticket)
        unknown = any(line["id"] == message and line["fate"] == "unknown" for line in lines)
        found = await office.system.seen(f"ledger?only=requests&opaque={message}")
        return found["requests"][0]["wamid"] if unknown and found["requests"] else None

    office.past.unknown[message] = await until(
        wamid, what="no unknown fate", seconds=_PATIENCE_SECONDS
    )


async def _on_hold(office: Office, phone: str) -> None:
    """Meta takes nothing more from this number: texts stay in outbound's queue."""
    ticket = await _accepted(office, phone)
    await office.system.control("faults", {"kind": "refuse", "code": 130429, "rate": 1})
    for number in range(2 * OF_EACH):
        body = {"type": "text", "text": f"Na fila {number}, {ticket}"}
        message = await office.do(office.agents[1], ticket, "messages", body)
        office.past.on_hold[message["message_id"]] = body["text"]


async def _delivered(system: Running, phones: Sequence[str]) -> None:
    """Ingest has answered 200 to all of it."""

    async def all_taken() -> bool:
        found = [await system.seen(f"ledger?only=items&customer={phone}") for phone in phones]
        return all(entry["items"] and entry["items"][0]["acknowledged"] for entry in found)

    await until(
        all_taken, what="the last words are not taken", seconds=_PATIENCE_SECONDS, pause=0.05
    )
