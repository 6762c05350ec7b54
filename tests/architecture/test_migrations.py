"""A migration that was once applied somewhere never changes: what is new comes in a new one.

Databases remember the name of a migration, not what was in it: who has run it never gets the rest.
"""

import hashlib
from pathlib import Path

import services

ROOT = Path(services.__path__[0])
APPLIED = {
    "bot/0001_create.py": "e3d971179d9b05b2",
    "bot/0002_timer_attempts.py": "07fa1e0e660e5fdb",
    "bot/0003_session_ended.py": "b4175827257e1ece",
    "directory/0001_create.py": "9629f2bee4e34a7e",
    "directory/0002_versions_and_history.py": "a6c83fb84cc3e3fc",
    "outbound/0001_create.py": "2483ce7ec18c87bd",
    "outbound/0002_cancel.py": "9d7d2f59f6f19838",
    "outbound/0003_pace.py": "41f4aab2820dbd4c",
    "outbound/0004_settled.py": "6275c5ad717ae437",
    "outbound/0005_correlation.py": "47ded59a139554dd",
    "outbound/0006_media.py": "ccba8880e5122f02",
    "projections/0001_create.py": "bd265c2b78fb45ee",
    "projections/0002_parked.py": "2485678a0b6ac8d8",
    "projections/0003_bot.py": "5b5a2441e0bb665f",
    "projections/0004_models.py": "a62ba5ee5a2a9bea",
    "projections/0005_forms.py": "2437344080a3afbd",
    "tickets/0001_event_store.py": "7fe2a05aef2f4843",
    "tickets/0002_snapshot.py": "b357e2ed7edd39e8",
    "tickets/0003_timer_attempts.py": "476caa5e3c46448c",
    "tickets/0004_unmatched.py": "3c7b78482f837651",
}


def test_no_migration_changes_after_it_was_applied() -> None:
    found = {
        f"{path.parts[-4]}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(ROOT.glob("*/migrations/versions/*.py"))
    }
    assert found == APPLIED
