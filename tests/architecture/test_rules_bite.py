"""Every import contract goes red on a violation of its own, in a temporary copy."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEPT = "Contracts: 7 kept, 0 broken."
LINT = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"

SEEDS = {
    "Services never import each other": (
        "services/outbound/domain/pace.py",
        "import services.tickets.domain.people",
    ),
    "Inside a service, inward only": (
        "services/ingest/domain/keys.py",
        "import services.ingest.adapters.kafka",
    ),
    "The domain does no I/O": ("services/tickets/domain/inbound_effects.py", "import os"),
    "Stored events do not know published ones": (
        "services/tickets/domain/content.py",
        "import shared.contracts.inbound",
    ),
    "Contracts depend on nothing of ours": (
        "shared/contracts/inbox.py",
        "import shared.plumbing.clock",
    ),
    "Plumbing knows no service": ("shared/plumbing/clock.py", "import services.ingest.settings"),
    "No cycles between siblings": (
        "shared/contracts/envelope.py",
        "import shared.contracts.inbox",
    ),
}


def lint(tree: Path) -> str:
    found = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout + found.stderr


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    for name in ("services", "shared"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def test_the_tree_as_it_is_breaks_none(tree: Path) -> None:
    assert KEPT in lint(tree)


@pytest.mark.parametrize("contract", SEEDS)
def test_a_violation_is_found(tree: Path, contract: str) -> None:
    path, line = SEEDS[contract]
    file = tree / path
    before = file.read_text()
    file.write_text(f"{before}\n{line}\n")
    try:
        said = lint(tree)
    finally:
        file.write_text(before)
    assert re.search(rf"^{re.escape(contract)} BROKEN", said, re.MULTILINE), said
