"""The migration job: roles and schemas, then each service's migrations under its own role."""

from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg

from shared.plumbing.migrations import migrate

_ROLES: Final = Path(__file__).with_name("roles.sql")
_SERVICES: Final = Path(__file__).parents[2] / "services"
_SET_PASSWORD: Final = "SELECT set_config('guiche.role_password', %s, false)"


def migrated_services() -> list[str]:
    """The services that have a schema with migrations."""
    return sorted(folder.parent.parent.name for folder in _SERVICES.glob("*/migrations/versions"))


def apply(admin_url: str, role_password: str) -> list[str]:
    """Bring the database to its newest form; which services were looked at.

    `admin_url` is one whose role may create roles.
    """
    with psycopg.connect(admin_url) as conn:
        conn.execute(_SET_PASSWORD, (role_password,))
        conn.execute(_ROLES.read_bytes())
    services = migrated_services()
    for service in services:
        migrate(service, service_url(admin_url, service, role_password))
    return services


def newest_revision(service: str) -> str:
    """The last of a service's migrations; they are numbered."""
    versions = _SERVICES / service / "migrations" / "versions"
    return max(file.name.partition("_")[0] for file in versions.glob("[0-9]*_*.py"))


def service_url(url: str, service: str, role_password: str) -> str:
    """The same database, as the service's own role."""
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    who = f"guiche_{service}:{quote(role_password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{who}@{where}"))
