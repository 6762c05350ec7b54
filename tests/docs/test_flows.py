"""The schema of flows and the README's table of nodes are what the classes say now."""

import pytest

from services.bot.domain.nodes import NODES
from services.bot.domain.nodes.base import Node
from tests.docs import flows


def test_the_schema_beside_the_flows_is_that_of_the_classes() -> None:
    assert flows.SCHEMA.read_text() == flows.schema(), "stale: run make docs"


def test_the_table_of_nodes_is_that_of_the_classes() -> None:
    assert flows.README.read_text() == flows.readme(), "stale: run make docs"


@pytest.mark.parametrize("node", NODES)
def test_a_node_stands_in_the_table_with_its_outputs(node: type[Node]) -> None:
    rows = [line for line in flows.readme().splitlines() if f"| `{node.type_name()}` |" in line]
    assert len(rows) == 1
    assert node.OUTPUTS in rows[0]
