"""How is a secret made once and found again at the next start?"""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

_BYTES: Final = 24


def kept(file: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(_BYTES)) -> str:
    """What the file says; made by `make` and written, for its owner only, when it is not there."""
    if file.exists():
        return file.read_text()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    value = make()
    scratch = file.with_name(f".{file.name}.new")
    scratch.write_text(value)
    scratch.chmod(0o600)
    scratch.replace(file)
    return value
