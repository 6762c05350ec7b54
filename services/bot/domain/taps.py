"""The ids of buttons and rows: they name the session and step that showed them."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Tap:
    """The id of an option that a session has shown."""

    session_id: UUID
    step: int
    option: str


def tap_id(session_id: UUID, step: int, option: str) -> str:
    """The id of a button or row: `<session>:<step>:<option>`."""
    return f"{session_id}:{step}:{option}"


def read_tap(text: str) -> Tap | None:
    """The tap of an id; None for an id that no session has made."""
    session, _, rest = text.partition(":")
    step, _, option = rest.partition(":")
    try:
        return Tap(UUID(session), int(step), option) if option else None
    except ValueError:
        return None
