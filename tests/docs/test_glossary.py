"""Does the glossary have every word that the API and the screens use for the domain?"""

import re
from pathlib import Path
from typing import get_args

import pytest

from services.gateway.labels.pt_br import LIFECYCLES
from shared.contracts.directory import ENTITIES
from shared.contracts.inbox import VIEWS
from shared.contracts.ticket_api import TICKET_COMMANDS
from shared.contracts.tickets import TicketOpened

GLOSSARY = Path("docs/glossary.md").read_text(encoding="utf-8")
EDITED = [kind.COLLECTION for kind in ENTITIES if kind.COLLECTION != "accounts"]


@pytest.mark.parametrize(
    "word",
    [
        *(command.name for command in TICKET_COMMANDS),
        *LIFECYCLES,
        *VIEWS,
        *EDITED,
        *get_args(TicketOpened.model_fields["lifecycle"].annotation),
    ],
)
def test_a_word_of_the_api_is_explained(word: str) -> None:
    assert f"`{word}`" in GLOSSARY


def test_a_term_is_explained_once() -> None:
    terms = re.findall(r"^\| ([^|]+?) \|", GLOSSARY, re.MULTILINE)
    words = [word for term in terms for word in term.split(", ") if word not in {"term", "---"}]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:services|shared)/[^`]+)`", GLOSSARY)))
)
def test_a_path_of_the_glossary_exists(path: str) -> None:
    assert Path(path).exists()
