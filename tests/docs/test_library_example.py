"""The example of docs/event-store.md reads a ticket's stream with the library alone."""

import re
import subprocess
import sys
from pathlib import Path

from tests.docs.contracts import ROOT
from tests.support.stack import Postgres
from tests.tickets.stored.rows import rows_of

PAGE = ROOT / "docs" / "event-store.md"
COMMIT = "7ddf972"


def test_the_library_reads_a_stored_stream(postgres: Postgres, tmp_path: Path) -> None:
    url, stored = postgres.new_database(), rows_of(COMMIT)
    stored.insert(url)
    ticket = next(o.row for o in stored.rows if o.row["topic"] == "tickets.TicketOpened")
    stream = [one.row for one in stored.rows if one.row["originator_id"] == ticket["originator_id"]]
    printed = _run(_example(), tmp_path, url, ticket["originator_id"])
    assert printed.splitlines() == [
        f"{row['originator_version']} {row['topic']} {row['state'].splitlines()[2]}"
        for row in sorted(stream, key=lambda row: row["originator_version"])
    ]


def _example() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return code


def _run(code: str, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        (sys.executable, "-I", "-c", code, *arguments),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
