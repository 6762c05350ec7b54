"""What one screen hears: what the agent may see, each row once, never backwards."""

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.access import Person, scope_of, sees
from services.gateway.handlers.live import Screen
from shared.contracts.inbox import VIEWS, Seen
from tests.gateway.rows import ACCOUNT, ANA, BIA, SUPORTE, VENDAS, a_change, a_seen

AGENT = scope_of(Person(ANA, ACCOUNT, "Ana", ("agent",), (VENDAS,)))
SUPERVISOR = scope_of(Person(BIA, ACCOUNT, "Bia", ("supervisor",), ()))


def told(screen: Screen, before: Seen | None, after: Seen, log_id: int) -> list[tuple[str, str]]:
    return [(e.kind, e.view) for e in screen.row_changed(a_change(before, after, log_id))]


def test_a_new_ticket_of_my_sector_is_added() -> None:
    assert told(Screen(AGENT), None, a_seen("aguardando"), 1) == [("added", "aguardando")]


def test_a_ticket_of_another_sector_is_not_told() -> None:
    assert told(Screen(AGENT), None, a_seen("aguardando", SUPORTE), 1) == []


def test_an_accepted_ticket_leaves_one_view_and_comes_into_another() -> None:
    events = told(Screen(AGENT), a_seen("aguardando"), a_seen("atendendo", owner=BIA), 2)
    assert events == [("removed", "aguardando"), ("added", "atendendo")]


def test_a_ticket_that_the_bot_hands_off_comes_into_the_queue() -> None:
    events = told(Screen(AGENT), a_seen("bot"), a_seen("aguardando"), 2)
    assert events == [("removed", "bot"), ("added", "aguardando")]


def test_a_ticket_that_leaves_my_sector_is_removed() -> None:
    events = told(Screen(AGENT), a_seen("aguardando"), a_seen("aguardando", SUPORTE), 2)
    assert events == [("removed", "aguardando")]


def test_my_own_ticket_stays_in_sight_in_any_sector() -> None:
    assert told(Screen(AGENT), None, a_seen("atendendo", SUPORTE, ANA), 1) == [
        ("added", "atendendo")
    ]


def test_a_supervisor_sees_tickets_without_a_sector() -> None:
    assert told(Screen(SUPERVISOR), None, a_seen("aguardando", None), 1) == [
        ("added", "aguardando")
    ]


def test_a_repeat_and_an_older_position_are_not_told_again() -> None:
    screen = Screen(AGENT)
    assert told(screen, None, a_seen("aguardando"), 5)
    assert told(screen, None, a_seen("aguardando"), 5) == []
    assert told(screen, None, a_seen("aguardando"), 4) == []


places = st.builds(
    Seen,
    view=st.sampled_from(VIEWS),
    sector_id=st.sampled_from([VENDAS, SUPORTE, None]),
    owner_id=st.sampled_from([ANA, BIA, None]),
)


@given(st.lists(places, min_size=1, max_size=12), st.data())
def test_folding_the_stream_gives_the_final_view(path: list[Seen], data: st.DataObject) -> None:
    changes = [
        a_change(path[index - 1] if index else None, place, index + 1)
        for index, place in enumerate(path)
    ]
    repeated = [c for c in changes for _ in range(data.draw(st.integers(1, 2)))]
    screen = Screen(AGENT)
    views: dict[str, set[object]] = {view: set() for view in VIEWS}
    for change in repeated:
        for event in screen.row_changed(change):
            if event.kind == "removed":
                views[event.view].discard(event.row.id)
            else:
                views[event.view].add(event.row.id)
    seen = {view for view, ids in views.items() if ids}
    assert seen == ({path[-1].view} if sees(AGENT, path[-1]) else set())
