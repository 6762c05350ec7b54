"""The note for the agent who takes a ticket from a flow: its path, and the answers."""

from itertools import groupby
from typing import Final

from services.bot.domain.flow_settings import FlowSettings
from services.bot.domain.rendering import cut
from services.bot.domain.session import Session
from services.bot.texts import pt_br

LONGEST: Final = 2000
_LONGEST_PATH: Final = 600
_BETWEEN: Final = " > "


def summary(flow: FlowSettings, session: Session) -> str | None:
    """The note; None for a session that has not entered a node."""
    if not session.path:
        return None
    titles = (flow.title_of(node) for node in session.path)
    path = _BETWEEN.join(title for title, _ in groupby(titles))
    lines = [f"{pt_br.PATH}: {cut(path, _LONGEST_PATH)}"]
    answers = [
        f"- {variable.label or name}: {session.variables[name]}"
        for name, variable in flow.variables.items()
        if name in session.variables
    ]
    if answers:
        lines += [f"{pt_br.ANSWERS}:", *answers]
    return cut("\n".join(lines), LONGEST)
