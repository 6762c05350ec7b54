"""Did everything that we said reach Meta once, and is its fate what Meta told?"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.checks.agent import Json
from tests.checks.look import Look, Verdict


def said(look: Look, *, unknown: int) -> Iterator[Verdict]:
    """The verdicts about agents and automatic messages; so many may stay unknown."""
    episodes = look.book.episodes.values()
    spoken = sum(len(episode.said) for episode in episodes)
    yield Verdict("losers were told the winner", len(look.book.lost), _losers(look))
    yield Verdict("what agents said", spoken, list(_spoken(look)))
    yield Verdict("automatic messages per ticket", len(look.cards), _automatic(look))
    yield Verdict("each text once at Meta", len(look.outgoing), list(_at_meta(look)))
    yield Verdict("fates", len(look.outgoing), _fates(look, unknown))
    read = {episode.read for episode in episodes if episode.read is not None}
    seen = {request["message_id"] for request in look.requests if request["kind"] == "read"}
    missing = [f"{wamid} was not marked as read" for wamid in read - seen]
    yield Verdict("read receipts at Meta", len(read), missing)


def unsettled(look: Look) -> int:
    """How many messages ended as unknown."""
    return sum(line["fate"] == "unknown" for line in look.outgoing)


def _losers(look: Look) -> list[str]:
    winners = {ticket: episode.owner for ticket, episode in look.book.episodes.items()}
    return [
        f"{lost.agent} was told that {lost.held_by} holds {lost.ticket}"
        for lost in look.book.lost
        if lost.held_by != winners.get(lost.ticket)
    ]


def _spoken(look: Look) -> Iterator[str]:
    for ticket, episode in look.book.episodes.items():
        here = [line for line in look.timelines.get(ticket, []) if line["ticket_id"] == ticket]
        found = [
            (line["id"], line["text"])
            for line in here
            if line["author_kind"] == "agent" and line["kind"] == "message"
        ]
        if [id_ for id_, _ in found] != [id_ for id_, _ in episode.said]:
            yield f"{ticket}: {found}, not {episode.said}"
        if any(
            text not in shown for (_, text), (_, shown) in zip(episode.said, found, strict=False)
        ):
            yield f"{ticket}: other words, {found}"
        authors = {line["author_id"] for line in here if line["author_kind"] == "agent"}
        if authors - {episode.owner}:
            yield f"{ticket}: said by {authors}, not {episode.owner}"


def _automatic(look: Look) -> list[str]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in look.outgoing:
        if line["automatic"]:
            found[line["ticket_id"]][line["automatic"]] += 1
    return [
        f"{ticket}: {dict(found[ticket])}, not {wanted}"
        for ticket in look.cards
        if dict(found[ticket]) != (wanted := _wanted(look, ticket))
    ]


def _wanted(look: Look, ticket: str) -> dict[str, int]:
    episode = look.book.episodes.get(ticket)
    first = look.cards[ticket]["previous_ticket_id"] is None  # later: inside the cool-down
    wanted = {
        "greeting": first,
        "acceptance": episode is not None,
        "farewell": episode is not None and episode.farewell,
    }
    return {kind: 1 for kind, due in wanted.items() if due}


def _at_meta(look: Look) -> Iterator[str]:
    accepted = _accepted(look)
    lines = {line["id"]: line for line in look.outgoing}
    for opaque in accepted.keys() - lines.keys():
        yield f"{opaque} was sent, and nobody said it"
    for id_, line in lines.items():
        requests = accepted[id_]
        if not requests:
            if line["fate"] not in {"unknown", "failed"}:
                yield f"{id_} is {line['fate']}, and never came to Meta"
            continue
        if len(requests) > 1:
            yield f"{id_} was accepted {len(requests)} times"
        sent = requests[0]
        there = (sent["person"], sent["phone_number_id"])
        if there != look.conversation_of.get(line["ticket_id"]):
            yield f"{id_} went to {there}"
        if sent["text"] != line["text"]:
            yield f"{id_} was sent in other words"


def _fates(look: Look, unknown: int) -> list[str]:
    told = {item["key"] for item in look.items if item["kind"] == "status" and item["acknowledged"]}
    accepted = _accepted(look)
    wrong: list[str] = []
    left = unknown
    for line in look.outgoing:
        wamids = [request["wamid"] for request in accepted[line["id"]]]
        if any(f"{wamid}:read" in told for wamid in wamids):
            if line["fate"] != "read":
                wrong.append(f"{line['id']} is {line['fate']}, and Meta told read")
        elif line["fate"] == "unknown" and not wamids and left > 0:
            left -= 1
        else:
            wrong.append(f"{line['id']} is {line['fate']} and Meta did not tell read")
    return wrong


def _accepted(look: Look) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = defaultdict(list)
    for request in look.requests:
        if request["kind"] == "message" and request["accepted"]:
            found[request["opaque"]].append(request)
    return found
