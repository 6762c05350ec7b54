"""SQL conditions on `card`: which tickets a person may see (D9).

Those of their sectors, those that they own or owned last, and those without a sector, which
everybody may accept; gateway's `access.sees` says the same of live changes.
"""

from typing import Final, LiteralString
from uuid import UUID

from shared.contracts.internal_api import Scope

IN_SCOPE: Final[LiteralString] = """
    AND (%(all)s OR card.sector_id IS NULL OR card.sector_id = ANY(%(sectors)s)
        OR card.owner_id = %(agent)s)
"""


def scope_values(account: UUID, scope: Scope) -> dict[str, object]:
    """The parameters that `IN_SCOPE` names, and the account."""
    return {
        "account": account,
        "all": scope.sector_ids is None,
        "sectors": scope.sector_ids or [],
        "agent": scope.agent_id,
    }
