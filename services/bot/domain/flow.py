"""A version of a flow, as its file holds it; it never changes.

Raises pydantic's ValidationError, which names the field. What concerns more than one field is
judged by `validate`. Lengths are in characters. Texts may hold variables: `{nome}`,
`{nome|cliente}`.
"""

from typing import Any, Final

from pydantic import Field

from services.bot.domain.fields import Id
from services.bot.domain.flow_settings import FlowSettings
from services.bot.domain.nodes import AnyNode
from services.bot.domain.nodes.base import REFUSED, Node

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class Flow(FlowSettings):
    """Nodes with outputs, and what leads from one to the next."""

    nodes: dict[Id, AnyNode] = Field(min_length=1, max_length=300)

    def title_of(self, node: str) -> str:
        found = self.nodes.get(node)
        return node if found is None else found.title or node

    def node(self, id_: str | None) -> Node | None:
        """The node of this id, if there is one."""
        return self.nodes.get(id_ or "")

    def target(self, node: str | None, output: str) -> str | None:
        """Where an output leads: by the node's edge, else by the flow's default.

        A node that ends the flow has no defaults: they lead to such nodes.
        """
        here = self.node(node)
        if here is None:
            return None
        found = here.edges().get(output)
        return found if found or here.ENDS else self.defaults.get(output)

    def target_of_refusal(self, node: str | None, code: str) -> tuple[str, str] | None:
        """The output and the node of a refused command: by its code, else by `refused`."""
        for output in (code, REFUSED):
            if found := self.target(node, output):
                return output, found
        return None

    def sector_names(self) -> dict[str, str]:
        """The sector that a node names, by the node's id."""
        named = {id_: node.sector_name for id_, node in self.nodes.items()}
        return {id_: name for id_, name in named.items() if name is not None}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the file."""
    return {"$schema": DIALECT, **Flow.model_json_schema(by_alias=True)}
