"""What is written about flows from the classes of nodes: the JSON Schema, the table of nodes."""

import inspect
import json
from typing import Final

from services.bot.domain.flow import json_schema
from services.bot.domain.nodes import NODES
from tests.docs.contracts import ROOT

SCHEMA: Final = ROOT / "services" / "bot" / "flows" / "flow.schema.json"
README: Final = ROOT / "services" / "bot" / "README.md"
_BEGIN: Final = "<!-- nodes: written by `make docs` -->\n"
_END: Final = "<!-- end of nodes -->\n"


def schema() -> str:
    """The JSON Schema of a flow's file."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"


def readme() -> str:
    """The README with the table of nodes as it is now."""
    before, _, rest = README.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{_table()}{_END}{after}"


def _table() -> str:
    lines = ["| node | what it does | outputs |", "| --- | --- | --- |"]
    for node in NODES:
        summary = inspect.cleandoc(node.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        lines.append(f"| `{node.type_name()}` | {summary} | {node.OUTPUTS} |")
    return "\n".join(lines) + "\n"
