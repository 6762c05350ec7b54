"""Names and languages: events of the catalogue, English inside, Portuguese looked up."""

import ast
import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import services
import shared
from services.tickets.domain.catalogue import EVENTS

ROOT = Path(__file__).parents[2]
CODE = [path for top in ("services", "shared") for path in sorted((ROOT / top).rglob("*.py"))]
SPOKEN = {"labels", "texts", "flows"}
PORTUGUESE = re.compile(
    r"(?:^|_)(atendente|cliente|mensagem|setor|fila|conta|conexao|operador|atendimento)s?(?:_|$)"
)
READ_MODELS = {"aguardando", "atendendo", "resolvidos"}
CONTRACTS = {
    "bot",
    "content",
    "conversations",
    "media_limits",
    "directory",
    "entities",
    "entity_api",
    "envelope",
    "inbound",
    "inbox",
    "internal_api",
    "outbound",
    "phone",
    "problems",
    "ticket_api",
    "ticket_commands",
    "text_folding",
    "tickets",
    "topics",
}


def test_every_stored_event_has_a_stable_name_of_its_own_class() -> None:
    for topic, kind in EVENTS.items():
        assert topic == f"tickets.{kind.__name__}"


def test_stored_events_tell_what_happened() -> None:
    past = re.compile(
        r"(ed|Sent|Set|Read|Unknown|Unavailable|Conflict|Opened|Closed|Queued|Dropped|Linked|Skipped)$"
    )
    assert [kind.__name__ for kind in EVENTS.values() if not past.search(kind.__name__)] == []


def test_contracts_are_the_reviewed_modules() -> None:
    modules = {path.stem for path in (ROOT / "shared" / "contracts").glob("*.py")} - {"__init__"}
    assert modules == CONTRACTS


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_speaks_english(path: Path) -> None:
    if SPOKEN.intersection(path.parts):
        return
    tree = ast.parse(path.read_text())
    strange = [name for name in _names(tree) if not name.isascii() or PORTUGUESE.search(name)]
    assert [name for name in strange if name not in READ_MODELS] == []
    assert [text for text in _texts(tree) if re.search(r"[ãõçáéíóúâêô]{1}\w* ", text)] == []


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_which_question_it_answers(path: Path) -> None:
    if "migrations" in path.parts and path.name == "__init__.py":
        return
    assert ast.get_docstring(ast.parse(path.read_text())), path


def test_services_and_shared_are_this_repository_s() -> None:
    for package in (services, shared):
        assert Path(str(package.__file__)).is_relative_to(ROOT)
    claimed = importlib.metadata.packages_distributions()
    for name in ("services", "shared"):
        assert set(claimed.get(name, ["guiche"])) == {"guiche"}


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name) | ast.arg(arg=name):
                yield name
            case _:
                pass


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
