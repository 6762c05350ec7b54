"""Another commit of this repository, in a folder and a virtual environment of its own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
"""The checkout that runs."""


class NoSuchCommitError(Exception):
    """The commit is not in this clone."""


class NotInstalledError(Exception):
    """`make install` of the other commit failed; the message has its output."""


@contextmanager
def checked_out(commit: str, target: str = "install") -> Generator[Path]:
    """A folder with the files of `commit`, after `make <target>` there; gone after the block.

    Raises NoSuchCommitError and NotInstalledError.
    """
    full = commit_id(commit)
    folder = Path(tempfile.mkdtemp(prefix=f"guiche-{full[:7]}-"))
    try:
        _unpack(full, folder)
        _make(folder, target)
        yield folder
    finally:
        shutil.rmtree(folder)


def commit_id(commit: str) -> str:
    """The full id of a commit; raises NoSuchCommitError."""
    found = _git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    if found.returncode == 0:
        return found.stdout.strip()
    message = f"commit {commit} is not in this clone"
    if _git("rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        message += ", which is shallow: `git fetch --unshallow` brings the whole history"
    elif not (ROOT / ".git").exists():
        message += ": it has no history at all (no .git)"
    raise NoSuchCommitError(message)


def environment_of(folder: Path) -> Mapping[str, str]:
    """The shell's variables, but for those that point to the virtual environment that runs."""
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return {**kept, "PATH": f"{folder / '.venv/bin'}:{kept['PATH']}"}


def _unpack(commit: str, folder: Path) -> None:
    archive = subprocess.run(
        ("git", "archive", "--format=tar", commit), cwd=ROOT, capture_output=True, check=True
    )
    subprocess.run(("tar", "-x", "-C", str(folder)), input=archive.stdout, check=True)


def _make(folder: Path, target: str) -> None:
    made = subprocess.run(
        ("make", target),
        cwd=folder,
        env=environment_of(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode:
        message = f"make {target} in {folder}:\n{made.stdout[-4000:]}"
        raise NotInstalledError(message)


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("git", *words), cwd=ROOT, capture_output=True, text=True, check=False)
