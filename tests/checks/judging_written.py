"""Did everything that customers wrote arrive, once, in order, under the right ticket?"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from deploy.simulator.customers.plan import Conversation, Webhook, differences, is_courtesy
from tests.checks.look import Look, Verdict


def written(look: Look) -> Iterator[Verdict]:
    """The verdicts about customers."""
    book = look.book
    all_of_it = [*book.plan.webhooks, *book.plan.after_closing]
    said = sum(webhook.line.says_something for webhook in all_of_it)
    yield Verdict("tickets per conversation", len(book.expected), _tickets(look))
    yield Verdict("messages, once and in order", said, _messages(look, all_of_it))
    yield Verdict("messages under their ticket", said, list(_places(look)))
    yield Verdict("one contact per person", len(book.plan.people), _contacts(look))


def _tickets(look: Look) -> list[str]:
    found = Counter(look.conversation_of.get(ticket) for ticket in look.cards)
    wanted = {where: 1 + (where in look.book.followed) for where in look.book.expected}
    wrong = [
        f"{where}: {found[where]} tickets, not {number}"
        for where, number in wanted.items()
        if found[where] != number
    ]
    return wrong + [f"{found[where]} tickets of {where}" for where in found if where not in wanted]


def _messages(look: Look, all_of_it: list[Webhook]) -> list[str]:
    seen: dict[Conversation, list[str]] = {}
    for ticket, conversation in look.conversation_of.items():
        # Both tickets of a conversation show the same timeline.
        seen[conversation] = [
            line["id"] if webhook is None else webhook.wamid
            for line, webhook in look.inbound(ticket)
        ]
    return list(differences(all_of_it, seen))


def _places(look: Look) -> Iterator[str]:
    for ticket in look.timelines:
        for line, webhook in look.inbound(ticket):
            if line["ticket_id"] == ticket and webhook is not None:
                yield from _place(look, ticket, line["after_close"], webhook)
                if webhook.line.text is not None and line["text"] != webhook.line.text:
                    yield f"{line['id']} has another text"


def _place(look: Look, ticket: str, after_close: object, webhook: Webhook) -> Iterator[str]:
    late = webhook.wamid == look.book.replies[webhook.conversation].wamid
    polite = late and is_courtesy(webhook)
    first = look.cards[ticket]["previous_ticket_id"] is None
    if first != (polite or not late):
        yield f"{webhook.wamid} stands under the wrong ticket {ticket}"
    if after_close != polite:
        yield f"{webhook.wamid}: after_close is {after_close}"


def _contacts(look: Look) -> list[str]:
    names = {person.key: person.name for person in look.book.plan.people}
    ids: dict[str, set[str]] = defaultdict(set)
    wrong: list[str] = []
    for ticket, (person, _) in look.conversation_of.items():
        contact = look.cards[ticket]["contact"]
        ids[person].add(contact["id"])
        if contact["name"] != names[person]:
            wrong.append(f"{ticket}: {contact['name']}, not {names[person]}")
    return wrong + [f"{person} is {len(of)} contacts" for person, of in ids.items() if len(of) > 1]
