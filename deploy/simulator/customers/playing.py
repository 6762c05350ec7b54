"""What does a customer write next? A function of the seed and of what they have heard."""

from dataclasses import dataclass

from deploy.simulator.chance import seeded
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
    heard: int = 0  # messages of the business in this visit


def enter(seed: str, customer: str, visit: int) -> tuple[Role, tuple[Intended, ...]]:
    """Begin a visit: the role and the opening."""
    nature = persona(seeded(seed, customer, "persona"))
    role = Role(seed, customer, visit, nature)
    chance = seeded(seed, customer, visit, "opening")
    after, intended = 0.0, list[Intended]()
    for intent in nature.opening:
        intended.append(Intended(after, line(intent, chance)))
        after += 0.0 if nature.at_once else chance.uniform(1, 6)
    return role, tuple(intended)


def hear(role: Role, wamid: str) -> tuple[Role, tuple[Intended, ...]]:
    """Hear a message of the business: the role afterwards and what is written because of it."""
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
    heard = Role(role.seed, role.customer, role.visit, nature, role.heard + 1)
    return heard, tuple(intended)
