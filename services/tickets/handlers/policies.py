"""The directory's policies as the domain takes them, and who an agent is at this instant."""

from uuid import UUID

from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.refusals import ForbiddenError
from services.tickets.handlers.directory import Snapshot


def policies_of(directory: Snapshot, account_id: UUID) -> Policies:
    """The account's policies, with their version."""
    account = directory.account(account_id)
    return Policies(default_sector_id=account.default_sector_id, **account.policies.model_dump())


def actor_of(directory: Snapshot, account_id: UUID, agent_id: UUID) -> Actor:
    """The agent with the roles and sectors of now; raises ForbiddenError for who has left."""
    agent = directory.agent(account_id, agent_id)
    if agent is None:
        raise ForbiddenError
    roles, sectors = frozenset(agent.roles), frozenset(agent.sector_ids)
    return Actor(agent.id, roles, sectors, ticket_limit=agent.ticket_limit)
