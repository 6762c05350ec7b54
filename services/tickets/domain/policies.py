"""The policies that apply to a decision; they arrive in the command, with their version (D2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Values of domain.md 2.7 that today's decisions ask for; durations in minutes or days."""

    version: int = 1
    default_sector_id: UUID | None = None  # "Geral"
    inbound_after_close: Literal["new_ticket", "reopen_within", "always_reopen"] = "new_ticket"
    reopen_within_minutes: int = 0
    courtesy_minutes: int = 10
    courtesy_max_characters: int = 30
    reopen_manual_target: Literal["attending_by_actor", "attending_by_last_owner", "waiting"] = (
        "attending_by_actor"
    )
    reopen_who: Literal["sector_member", "owner", "supervisor"] = "sector_member"
    reopen_limit_days: int | None = None
    on_inbound_while_paused: Literal["resume", "stay_and_flag", "to_waiting_after"] = "resume"
    paused_to_waiting_minutes: int = 60  # of `to_waiting_after`
    rerun_bot: Literal["always", "after", "never_for_known_sector"] = "always"
    rerun_bot_after_minutes: int = 0
    flow_manual_from: Sequence[Literal["waiting", "attending"]] = ("waiting",)
    farewell: Literal["ask", "always", "never"] = "ask"
    farewell_when_closed_from_waiting: bool = False
    close_reason: Literal["off", "optional", "required"] = "optional"
    close_from_waiting: bool = True
    force_sector_on_accept: bool = True
    greeting_cooldown_minutes: int = 60
    read_receipts: bool = True
