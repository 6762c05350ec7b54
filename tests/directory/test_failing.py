"""A seed that cannot be applied ends the process, and says which field of which file is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.directory.adapters import seed_file
from services.directory.domain.seed import SeedError
from tests.directory.test_directory import SEED, VARIABLES
from tests.support.stack import Postgres

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("seed", "text"),
    [
        (
            SEED.replace("roles: [agent]", "roles: [boss]"),
            "accounts.demo.agents.ana.roles.0: Input",
        ),
        (SEED.replace("name: Ana, ", ""), "accounts.demo.agents.ana.name: Field required"),
        (SEED.replace("{key: suporte", "{key: vendas"), "accounts.demo.sectors.vendas: this key"),
        (SEED.replace("${TOKEN}", "${TOKENS}"), "access_token: the variable TOKENS is not set"),
        (SEED.replace("  - key: demo", "  - key: [demo"), "line "),
        ("- 1", "Input should be"),
        ("", "Input should be"),
    ],
)
def test_an_error_names_the_file_and_the_field(tmp_path: Path, seed: str, text: str) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(seed)
    with pytest.raises(SeedError) as failed:
        seed_file.read(path, VARIABLES)
    assert str(failed.value).startswith(f"{path}: ")
    assert text in str(failed.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match=r"nowhere\.yaml: No such file"):
        seed_file.read(tmp_path / "nowhere.yaml", VARIABLES)


def test_no_error_tells_what_stood_in_the_field(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(SEED.replace("password: segredo", "password: [segredo]"))
    with pytest.raises(SeedError) as failed:
        seed_file.read(path, VARIABLES)
    assert "segredo" not in str(failed.value)


def test_a_broken_seed_ends_the_process_with_1_and_a_line_that_names_the_field(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(SEED.replace("sector: vendas", "sector: nenhum"))
    process = subprocess.run(
        [sys.executable, "-m", "services.directory"],
        cwd=ROOT,
        env={
            **os.environ,
            "DIRECTORY_DATABASE_URL": postgres.service_url(postgres.new_database(), "directory"),
            "DIRECTORY_SEED": str(seed),
            "DIRECTORY_PORT": "0",
            "GUICHE_KEYS_DIR": str(keys_dir),
            "APP_SECRET": "x",
            "TOKEN": "y",
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert process.returncode == 1
    assert "accounts.demo.connections.principal.sector" in process.stderr
    assert str(seed) in process.stderr
