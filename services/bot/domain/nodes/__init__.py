"""Every type of node: a new one is a file in this folder and a line in `AnyNode`."""

from typing import Annotated, Final, get_args

from pydantic import Field

from services.bot.domain.nodes.ask import Ask
from services.bot.domain.nodes.base import Node
from services.bot.domain.nodes.close import Close
from services.bot.domain.nodes.condition import Condition
from services.bot.domain.nodes.end import End
from services.bot.domain.nodes.go_to import GoTo
from services.bot.domain.nodes.hand_off import HandOff
from services.bot.domain.nodes.menu import Menu
from services.bot.domain.nodes.message import Message
from services.bot.domain.nodes.random_split import RandomSplit
from services.bot.domain.nodes.set_field import SetField
from services.bot.domain.nodes.set_sector import SetSector
from services.bot.domain.nodes.wait import Wait

AnyNode = Annotated[
    Message
    | Menu
    | Ask
    | Condition
    | RandomSplit
    | GoTo
    | SetSector
    | SetField
    | Wait
    | HandOff
    | Close
    | End,
    Field(discriminator="type"),
]
NODES: Final[tuple[type[Node], ...]] = get_args(get_args(AnyNode)[0])
