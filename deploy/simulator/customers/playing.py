"""What does a customer write next? A function of the seed and of what they have heard."""

from dataclasses import dataclass, field, replace

from deploy.simulator.chance import seeded
from deploy.simulator.choices import Menu
from deploy.simulator.customers.habits import Menus, answer_menu, scroll_back
from deploy.simulator.customers.lines import Line, line
from deploy.simulator.customers.personas import Persona, persona


@dataclass(frozen=True, slots=True)
class Intended:
    """A line and the pause before it, in seconds after what caused it."""

    after: float
    line: Line


@dataclass(frozen=True, slots=True)
class Role:
    """A customer in one visit to one number."""

    seed: str
    customer: str
    visit: int
    persona: Persona
    heard: int = 0  # messages of the business in this visit, but for menus
    menus: Menus = field(default_factory=Menus)


def enter(
    seed: str, customer: str, visit: int, *, of_the_bot: bool = False
) -> tuple[Role, tuple[Intended, ...]]:
    """Begin a visit: the role and the opening."""
    nature = persona(seeded(seed, customer, "persona"), of_the_bot=of_the_bot)
    role = Role(seed, customer, visit, nature)
    chance = seeded(seed, customer, visit, "opening")
    after, intended = 0.0, list[Intended]()
    for intent in nature.opening:
        intended.append(Intended(after, line(intent, chance)))
        after += 0.0 if nature.at_once else chance.uniform(1, 6)
    return role, tuple(intended)


def hear(role: Role, wamid: str, menu: Menu | None = None) -> tuple[Role, tuple[Intended, ...]]:
    """Hear a message of the business: the role afterwards and what is written because of it."""
    scrolled = _scroll_back(role)
    if scrolled is not None:
        return scrolled
    if menu is not None:
        return _hear_menu(role, menu)
    chance = seeded(role.seed, role.customer, role.visit, "turn", role.heard)
    turns, nature = role.persona.turns, role.persona
    turn = turns[role.heard] if role.heard < len(turns) else ()
    last = role.heard == len(turns) - 1
    pause = chance.uniform(*nature.pause_seconds)
    after = nature.farewell_pause_seconds if last and nature.farewell_pause_seconds else pause
    intended: list[Intended] = []
    for intent in turn:
        intended.append(Intended(after, line(intent, chance, about=wamid)))
        after += chance.uniform(1, 5)
    return replace(role, heard=role.heard + 1), tuple(intended)


def _scroll_back(role: Role) -> tuple[Role, tuple[Intended, ...]] | None:
    chance = seeded(role.seed, role.customer, role.visit, "back")
    again = scroll_back(role.persona.menu, role.menus, chance)
    if again is None:
        return None
    after = Intended(chance.uniform(*role.persona.pause_seconds), again)
    return replace(role, menus=replace(role.menus, scrolled_back=True)), (after,)


def _hear_menu(role: Role, menu: Menu) -> tuple[Role, tuple[Intended, ...]]:
    chance = seeded(role.seed, role.customer, role.visit, "menu", role.menus.count)
    answer = answer_menu(role.persona.menu, menu, role.menus, chance)
    pause = chance.uniform(*role.persona.pause_seconds)
    intended = () if answer is None else (Intended(pause, answer),)
    return replace(role, menus=role.menus.and_then(menu)), intended
