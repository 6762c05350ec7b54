"""How does a customer behave? What they open with and how they answer, as plain data."""

from dataclasses import dataclass
from random import Random
from typing import Final

from deploy.simulator.customers.habits import Habit


@dataclass(frozen=True, slots=True)
class Persona:
    """Intents of `texts.py` and `lines.py`; the nth message heard is answered by the nth turn."""

    name: str
    weight: int
    opening: tuple[str, ...]
    turns: tuple[tuple[str, ...], ...] = ()
    at_once: bool = False  # the opening comes as parallel webhooks, as an album does
    pause_seconds: tuple[float, float] = (3, 12)  # before an answer
    farewell_pause_seconds: float | None = None  # the last turn comes late: after the closing
    menu: Habit = "tap"  # how a message with buttons or rows is answered; it takes no turn


PERSONAS: Final = (
    Persona("asker", 8, ("greeting", "question"), (("answer",), ("answer",), ("thanks",))),
    Persona("brief", 5, ("question",), (("answer", "answer"), ("thanks",))),
    Persona("album", 3, ("photo", "image", "image", "image"), (("answer",),), at_once=True),
    Persona(
        "courteous",
        4,
        ("question",),
        (("thanks",), ("thanks",)),
        farewell_pause_seconds=40,
    ),
    Persona(
        "returning",
        4,
        ("question",),
        (("answer",), ("later",)),
        farewell_pause_seconds=90,
    ),
    Persona("silent", 3, ("greeting",)),
    Persona("wrong_number", 1, ("greeting",), (("wrong_number",),)),
    Persona("speaker", 3, ("voice",), (("voice",), ("reaction", "thanks"))),
    Persona("reacting", 2, ("question", "sticker"), (("reaction",), ("reaction", "sticker"))),
    Persona("traveller", 2, ("greeting", "location"), (("location",), ("thanks",))),
    Persona("recommending", 1, ("question", "contacts"), (("thanks",),)),
    Persona("paying", 2, ("question", "document"), (("document", "answer"), ("thanks",))),
    Persona("buying", 2, ("order",), (("answer",), ("thanks",))),
    Persona("filming", 1, ("video", "question"), (("answer",),)),
    Persona("puzzling", 1, ("unsupported", "greeting"), (("answer",),)),
)


_AFTER_THE_BOT: Final = (("question",), ("answer",), ("thanks",))

BOT_PERSONAS: Final = (
    Persona("tapping", 6, ("greeting",), _AFTER_THE_BOT),
    Persona("counting", 4, ("greeting",), _AFTER_THE_BOT, menu="number"),
    Persona("typing", 4, ("greeting",), _AFTER_THE_BOT, menu="title"),
    Persona("scrolling_back", 2, ("greeting",), _AFTER_THE_BOT, menu="old_menu"),
    Persona("chatting", 3, ("greeting",), _AFTER_THE_BOT, menu="nonsense"),
    Persona("gone", 2, ("greeting",), menu="silence"),
)


def persona(chance: Random, *, of_the_bot: bool = False) -> Persona:
    """Somebody's nature, by weight; at the bot's number they are told apart by their habits."""
    natures = BOT_PERSONAS if of_the_bot else PERSONAS
    return chance.choices(natures, [each.weight for each in natures])[0]
