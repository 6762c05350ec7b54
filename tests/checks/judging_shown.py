"""Do lists, counters and live streams show what happened?"""

from collections import Counter
from collections.abc import Iterator

from deploy.simulator.customers.plan import is_courtesy
from tests.checks.agent import VIEWS, Json
from tests.checks.look import Look, Verdict
from tests.checks.screen import Screen

_CLOSED, _ATTENDING, _WAITING = "closed", "attending", "waiting"
_VIEW = {_CLOSED: "resolvidos", _ATTENDING: "atendendo", _WAITING: "aguardando"}


def shown(look: Look) -> Iterator[Verdict]:
    """The verdicts about read models."""
    yield Verdict("cards in the three views", len(look.cards), list(_cards(look)))
    waiting = next(iter(look.views.values()))["aguardando"]
    instants = [card["opened_at"] for card in waiting]
    late = [] if instants == sorted(instants) else [f"{instants}"]
    yield Verdict("Aguardando oldest first", len(waiting), late)
    yield Verdict("each agent sees the same", len(look.views), _alike(look))
    yield Verdict("counters", len(look.views), list(_counters(look)))
    folds = [line for screen in look.screens for line in _fold(look, screen)]
    yield Verdict("folds of live streams", len(look.screens), folds)
    fell = [line for screen in look.screens for line in screen.fell]
    events = sum(screen.events for screen in look.screens)
    yield Verdict("live events, no position fell", events, fell)
    parked = [f"{look.parked} items lie parked"] if look.parked else []
    yield Verdict("nothing is parked", 1, parked)


def _cards(look: Look) -> Iterator[str]:
    for ticket, card in look.cards.items():
        wanted = _expected(look, ticket)
        found = {name: _seen(card, name) for name in wanted}
        found["view"] = look.view_of[ticket]
        if found != wanted:
            yield f"{ticket}: {found}, not {wanted}"


def _expected(look: Look, ticket: str) -> Json:
    episode = look.book.episodes.get(ticket)
    conversation = look.conversation_of.get(ticket)
    lifecycle = _WAITING
    if episode is not None:
        lifecycle = _CLOSED if episode.closed else _ATTENDING
    polite = conversation is not None and is_courtesy(look.book.replies[conversation])
    return {
        "view": _VIEW[lifecycle],
        "lifecycle": lifecycle,
        "placement": "inbox",
        "owner": episode.owner if episode else None,
        "connection": None if conversation is None else look.book.phones[conversation[1]],
        "sector": "Vendas",
        "unread": int(polite) if lifecycle == _CLOSED else 1,
    }


def _seen(card: Json, name: str) -> object:
    value = card.get(name)
    inside = {"owner": "id", "connection": "number", "sector": "name"}
    return value[inside[name]] if name in inside and value is not None else value


def _alike(look: Look) -> list[str]:
    first = next(iter(look.views.values()))
    return [f"{agent} sees other lists" for agent, views in look.views.items() if views != first]


def _counters(look: Look) -> Iterator[str]:
    for agent, views in look.views.items():
        lengths = {name: len(views[name]) for name in VIEWS}
        counted = look.counts[agent]
        told = {name: counted["views"].get(name, 0) for name in VIEWS}
        if told != lengths:
            yield f"{agent}: {told}, not {lengths}"
        cards = Counter(
            (name, _id(card["sector"]), _id(card["owner"]))
            for name in VIEWS
            for card in views[name]
        )
        parts = {
            (item["view"], _id(item["sector"]), _id(item["owner"])): item["tickets"]
            for item in counted["items"]
        }
        if parts != dict(cards):
            yield f"{agent}: parts {parts}, not {dict(cards)}"


def _fold(look: Look, screen: Screen) -> Iterator[str]:
    views = look.views[screen.agent.id]
    for name in VIEWS:
        listed = {card["id"]: card for card in views[name]}
        folded = screen.rows(name)
        for ticket in listed.keys() | folded.keys():
            if listed.get(ticket) != folded.get(ticket):
                yield (
                    f"{screen.agent.login}, {name}, {ticket}: "
                    f"{_difference(listed.get(ticket), folded.get(ticket))}"
                )
    told = {name: screen.counts.get(name, 0) for name in VIEWS}
    lengths = {name: len(views[name]) for name in VIEWS}
    if told != lengths:
        yield f"{screen.agent.login} last heard the counters {told}, not {lengths}"


def _difference(listed: Json | None, folded: Json | None) -> str:
    if listed is None or folded is None:
        return "only in the list" if folded is None else "only in the fold"
    fields = [name for name in listed if listed[name] != folded.get(name)]
    return ", ".join(f"{name} {listed[name]} / {folded.get(name)}" for name in fields)


def _id(named: Json | None) -> str | None:
    return None if named is None else named["id"]
