"""An operator whose servers are away reads one sentence, not the insides of a program."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_NOBODY = "postgresql://127.0.0.1:1/nothing?connect_timeout=2"


@pytest.mark.parametrize(
    "verb",
    [
        "relay status",
        "stream show 0199aaaa-0000-7000-8000-000000000001",
        "projections status",
        "directory show",
        "ingest dead list",
        "topics",
        "lag",
    ],
)
def test_a_verb_whose_server_is_away_says_so_and_where_to_look(verb: str, tmp_path: Path) -> None:
    services = ("TICKETS", "PROJECTIONS", "DIRECTORY")
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **{f"{service}_DATABASE_URL": _NOBODY for service in services},
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "GUICHE_RUN_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "services", *verb.split()],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "`guiche doctor` says more" in done.stderr
