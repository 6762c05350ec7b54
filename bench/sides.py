"""In which checkout does a row run? In this one, and in turn in that of another commit."""

import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.lines import Line, lines_of
from tests.support.checkout import ROOT, checked_out, environment_of

NOT_THERE = "No module named"


@dataclass(frozen=True, slots=True)
class Side:
    """A checkout with its interpreter; `overlay` is a folder with the bench of this checkout."""

    name: str
    checkout: Path
    python: Path
    overlay: Path | None = None

    def run(self, module: str, servers: Mapping[str, str]) -> Sequence[Line]:
        """The rows that the module prints; none when it fails, or when the commit has no such row.

        Another commit runs its own row. Where it has none or its own fails, the row of this
        checkout runs over the code of that commit.
        """
        lines = self._printed(module, self.checkout, servers)
        if not lines and self.overlay is not None:
            over = {**servers, "PYTHONPATH": str(self.checkout)}
            lines = self._printed(module, self.overlay, over)
        return lines

    def _printed(self, module: str, folder: Path, servers: Mapping[str, str]) -> Sequence[Line]:
        environment = {**environment_of(self.checkout), **servers}
        done = subprocess.run(
            (str(self.python), "-m", module),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode and NOT_THERE not in done.stderr:
            last = (done.stderr.strip().splitlines() or [""])[-1]
            print(f"# {module} of {self.name} failed: {last}", file=sys.stderr, flush=True)
        return lines_of(done.stdout) if done.returncode == 0 else []


THIS = Side("this checkout", ROOT, Path(sys.executable))


@contextmanager
def sides(base: str | None) -> Generator[Sequence[Side]]:
    """This checkout, then the commit that it is compared with, if any.

    Raises NoSuchCommitError and NotInstalledError.
    """
    if base is None:
        yield [THIS]
        return
    with checked_out(base, "install-dev") as folder, tempfile.TemporaryDirectory() as overlay:
        (Path(overlay) / "bench").symlink_to(ROOT / "bench")
        yield [THIS, Side(base, folder, folder / ".venv/bin/python", Path(overlay))]
