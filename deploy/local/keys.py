"""Which keys does an installation need? Made once, on first start or by a job (protocols.md 10)."""

import base64
import secrets
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from deploy.local.kept import kept

SIGNING_SERVICES: Final = (
    "ingest",
    "tickets",
    "outbound",
    "bot",
    "projections",
    "directory",
    "gateway",
)
_MASTER_BYTES: Final = 32


def make_keys(folder: Path) -> None:
    """Make what is missing: `master.key`, `<service>.key`, `public/<service>.pem`."""
    kept(folder / "master.key", _master_key)
    (folder / "public").mkdir(parents=True, exist_ok=True)
    for service in SIGNING_SERVICES:
        private = kept(folder / f"{service}.key", _private_pem)
        public = folder / "public" / f"{service}.pem"
        if not public.exists():
            public.write_bytes(_public_pem(private.encode()))


def missing_keys(folder: Path) -> list[str]:
    """Names of files that should be there."""
    wanted = [
        "master.key",
        *(f"{service}.key" for service in SIGNING_SERVICES),
        *(f"public/{service}.pem" for service in SIGNING_SERVICES),
    ]
    return [name for name in wanted if not (folder / name).exists()]


def role_password(folder: Path) -> str:
    """The password of the services' roles in the database."""
    return kept(folder / "role.password")


def _master_key() -> str:
    return base64.b64encode(secrets.token_bytes(_MASTER_BYTES)).decode()


def _private_pem() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_pem(private: bytes) -> bytes:
    key = load_pem_private_key(private, password=None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
