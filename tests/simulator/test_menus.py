"""How do customers answer the menus of a bot?"""

import pytest

from deploy.simulator.choices import Choice, Menu
from deploy.simulator.customers.habits import folded
from deploy.simulator.customers.lines import Line
from deploy.simulator.customers.live import Crowd
from deploy.simulator.customers.people import crowd
from deploy.simulator.customers.personas import BOT_PERSONAS
from deploy.simulator.customers.playing import Role, enter, hear
from deploy.simulator.customers.texts import TEXTS
from deploy.simulator.settings import Settings
from deploy.simulator.world import Seen, World
from tests.simulator.conftest import FIRST, SECOND

TITLES = ("Segunda via", "Atenção médica", "Vendas")


def a_menu(wamid: str = "wamid.M") -> Menu:
    choices = tuple(Choice("list_reply", f"r.{n}", title) for n, title in enumerate(TITLES))
    return Menu(wamid, SECOND.display_phone, choices)


def a_role(name: str, seed: str = "7") -> Role:
    nature = next(each for each in BOT_PERSONAS if each.name == name)
    return Role(seed, "customer", 0, nature)


def answers(name: str, *heard: Menu | str, seed: str = "7") -> list[Line | None]:
    """What somebody writes after each menu or plain message (a wamid)."""
    role, said = a_role(name, seed), list[Line | None]()
    for each in heard:
        menu = each if isinstance(each, Menu) else None
        role, intended = hear(role, menu.wamid if menu else str(each), menu)
        said.append(intended[0].line if intended else None)
    return said


def test_a_tap_names_the_menu() -> None:
    (line,) = answers("tapping", a_menu())
    assert line is not None
    assert line.type == "interactive"
    assert line.content["context"] == {"from": SECOND.display_phone, "id": "wamid.M"}
    interactive = line.content["interactive"]
    assert isinstance(interactive, dict)
    assert interactive["list_reply"]["title"] in TITLES


@pytest.mark.parametrize(
    ("name", "possible"),
    [
        ("counting", {"1", "2", "3"}),
        ("typing", {"segunda via", "atencao medica", "vendas"}),
        ("chatting", set(TEXTS["nonsense"])),
    ],
)
def test_others_type(name: str, possible: set[str]) -> None:
    said = {line.text for n in range(60) if (line := answers(name, a_menu(), seed=str(n))[0])}
    assert said == possible


def test_who_is_gone_answers_no_menu() -> None:
    assert answers("gone", a_menu(), a_menu()) == [None, None]


def test_who_chats_gives_in_at_the_third_menu() -> None:
    said = answers("chatting", a_menu(), a_menu(), a_menu())
    assert [line and line.type for line in said] == ["text", "text", "interactive"]


@pytest.mark.parametrize("then", [a_menu("wamid.NEW"), "wamid.text"])
def test_who_scrolls_back_taps_the_old_menu_once(then: Menu | str) -> None:
    first, back, after = answers("scrolling_back", a_menu("wamid.OLD"), then, a_menu("wamid.3"))
    for line, wamid in ((first, "wamid.OLD"), (back, "wamid.OLD"), (after, "wamid.3")):
        assert line is not None
        assert line.content["context"] == {"from": SECOND.display_phone, "id": wamid}


def test_nobody_goes_round_for_ever() -> None:
    said = answers("tapping", *(a_menu() for _ in range(20)))
    assert [line is not None for line in said] == [True] * 6 + [False] * 14


def test_a_menu_takes_no_turn() -> None:
    _, line = answers("tapping", a_menu(), "wamid.text")
    assert line is not None
    assert line.text in TEXTS["question"]


def test_a_title_as_people_type_it() -> None:
    assert folded("Atenção Médica ") == "atencao medica"


def test_every_habit_occurs_at_the_bots_number_only() -> None:
    names = {
        bot: {enter("7", p.key, 0, of_the_bot=bot)[0].persona.name for p in crowd("7", 300)}
        for bot in (True, False)
    }
    assert names[True] == {each.name for each in BOT_PERSONAS}
    assert not names[True] & names[False]


async def test_the_crowd_answers_the_menu_that_it_got() -> None:
    settings = Settings(
        numbers=(FIRST, SECOND), bot_number=SECOND.phone_number_id, seed="7", customers=20
    )
    world = World(settings)
    customers = Crowd(world)
    for _ in range(40):
        customers.write_next()
    here = [item for item in world.ledger.items() if item.phone_number_id == SECOND.phone_number_id]
    role = next(
        item.person
        for item in here
        if item.person
        and enter("7", f"{item.person} {SECOND.phone_number_id}", 0, of_the_bot=True)[
            0
        ].persona.menu
        == "tap"
    )
    person = world.people.find(role)
    assert person is not None
    menu = a_menu()
    before = {due.order for due in customers.due()}
    customers.heard(
        person,
        SECOND,
        Seen(SECOND.phone_number_id, menu.wamid, "interactive", "?", 0.0, None, menu.choices),
    )
    (due,) = [each for each in customers.due() if each.order not in before]
    assert due.line.content["context"] == {"from": SECOND.display_phone, "id": menu.wamid}
