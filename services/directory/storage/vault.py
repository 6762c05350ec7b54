"""Table of secrets, sealed under the master key; made once where nobody gives them."""

import base64
import os
from pathlib import Path
from typing import Final

from services.directory.storage.connection import Connection
from shared.plumbing.sealing import Sealer

_KEY_BYTES: Final = 32
_READ: Final = "SELECT sealed FROM secret WHERE kind = %s AND owner = %s"
_READ_KIND: Final = "SELECT owner, sealed FROM secret WHERE kind = %s ORDER BY owner"
_ADD: Final = (
    "INSERT INTO secret (kind, owner, sealed) VALUES (%s, %s, %s) ON CONFLICT (kind, owner)"
    " DO NOTHING"
)
_PUT: Final = (
    "INSERT INTO secret (kind, owner, sealed) VALUES (%s, %s, %s) ON CONFLICT (kind, owner)"
    " DO UPDATE SET sealed = excluded.sealed"
)


class Vault:
    """The table `secret`; the master key never leaves this process."""

    def __init__(self, master_key: bytes) -> None:
        self._sealer = Sealer(master_key)

    async def put(self, conn: Connection, kind: str, owner: str, secret: bytes) -> None:
        """Keep this secret in place of the one before."""
        await conn.execute(_PUT, (kind, owner, self._seal(kind, owner, secret)))

    async def made(self, conn: Connection, kind: str, owner: str) -> bytes:
        """The random key of 32 bytes of this owner, made on first use."""
        fresh = self._seal(kind, owner, os.urandom(_KEY_BYTES))
        await conn.execute(_ADD, (kind, owner, fresh))
        row = await (await conn.execute(_READ, (kind, owner))).fetchone()
        if row is None:
            raise LookupError(kind)
        return self._open(kind, owner, row[0])

    async def all_of(self, conn: Connection, kind: str) -> dict[str, bytes]:
        """Every secret of a kind, by owner."""
        rows = await (await conn.execute(_READ_KIND, (kind,))).fetchall()
        return {owner: self._open(kind, owner, sealed) for owner, sealed in rows}

    def _seal(self, kind: str, owner: str, secret: bytes) -> bytes:
        return self._sealer.seal(secret, f"{kind}/{owner}".encode())

    def _open(self, kind: str, owner: str, sealed: bytes) -> bytes:
        return self._sealer.open(bytes(sealed), f"{kind}/{owner}".encode())


def master_key(keys_dir: Path) -> bytes:
    """The 32 bytes of `master.key` (base64)."""
    return base64.b64decode((keys_dir / "master.key").read_bytes())
