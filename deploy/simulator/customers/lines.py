"""What is one thing that a customer says? From an intent to a message of the Cloud API."""

from dataclasses import dataclass
from random import Random
from typing import Final

from deploy.simulator import contents
from deploy.simulator.customers.texts import EMOJI, TEXTS
from deploy.simulator.json_values import Json

_TYPES: Final = {"voice": "audio"}  # intents that are not named as their type


@dataclass(frozen=True, slots=True)
class Line:
    """A message before it has a sender, an id and a time."""

    type: str
    content: Json
    text: str | None = None

    @property
    def says_something(self) -> bool:
        """Whether it is a message in the chat; a reaction is a remark on another one."""
        return self.type != "reaction"


def line(intent: str, chance: Random, about: str | None = None, mark: str = "") -> Line:
    """Put an intent into words; `about`: the wamid reacted to; `mark` makes a text unique."""
    if intent in TEXTS:
        body = chance.choice(TEXTS[intent]) + mark
        return Line("text", contents.text(body), body)
    if intent == "reaction":
        return Line("reaction", contents.reaction(about or "wamid.", chance.choice(EMOJI)))
    kind = _TYPES.get(intent, intent)
    return Line(kind, contents.SAMPLES[kind](f"{chance.getrandbits(64):x}"))
