"""Run every row in one go: `python -m bench [word of a module]`. A missing row is an error."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

from bench.harness import HEADER
from bench.rows import ROWS
from deploy.local.places import Places
from deploy.local.servers import start_servers


@contextmanager
def servers() -> Generator[dict[str, str]]:
    """Both servers, durable, and the environment that names them."""
    folder = Path(tempfile.mkdtemp(prefix="guiche-bench-"))
    folder.chmod(0o711)
    started = start_servers(Places(folder), durable=True)
    try:
        started.wait()
        yield {
            **os.environ,
            "DATABASE_URL": started.database_url,
            "KAFKA_BOOTSTRAP_SERVERS": started.bootstrap,
        }
    finally:
        started.stop()
        rmtree(folder)


def printed(module: str, environment: dict[str, str]) -> list[str]:
    """The rows that a module printed; none when it failed."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if " | " in line and line != HEADER]
    return lines if done.returncode == 0 else []


def run(wanted: str) -> list[str]:
    """Print all rows; the names of those that are missing."""
    missing: list[str] = []
    print(HEADER)
    with servers() as environment:
        for name, module in ROWS.items():
            if wanted not in module:
                continue
            lines = printed(module, environment)
            print("\n".join(lines) if lines else f"{name} | MISSING ({module})", flush=True)
            missing += [] if lines else [name]
    return missing


if __name__ == "__main__":
    absent = run(sys.argv[1] if len(sys.argv) > 1 else "")
    sys.exit(f"missing rows: {', '.join(absent)}" if absent else 0)
