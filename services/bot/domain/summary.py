"""What does an agent read who takes a ticket from a flow? Its path, and what the customer said."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from services.bot.domain.flow import Flow
from services.bot.domain.rendering import cut
from services.bot.domain.session import Session
from services.bot.texts import pt_br

LONGEST: Final = 2000
_LONGEST_PATH: Final = 600
_BETWEEN: Final = " > "


def summary(flow: Flow | None, session: Session) -> str | None:
    """The note, or None when there is nothing to tell."""
    if flow is None or not session.path:
        return None
    path = _BETWEEN.join(name for name, _ in groupby(_titles(flow, session)))
    lines = [f"{pt_br.PATH}: {cut(path, _LONGEST_PATH)}"]
    answers = [
        f"- {variable.label or variable.name}: {session.variables[variable.name]}"
        for variable in flow.variables.values()
        if variable.name in session.variables
    ]
    if answers:
        lines += [f"{pt_br.ANSWERS}:", *answers]
    return cut("\n".join(lines), LONGEST)


def _titles(flow: Flow, session: Session) -> Iterator[str]:
    for id_ in session.path:
        node = flow.nodes.get(id_)
        yield id_ if node is None else node.title or id_
