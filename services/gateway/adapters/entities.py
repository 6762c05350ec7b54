"""What is set up, asked of directory and changed there."""

from uuid import UUID

from pydantic import BaseModel

from services.gateway.adapters.services import read
from services.gateway.domain.access import Person
from shared.contracts.entities import Entity
from shared.contracts.entity_api import (
    EntityHistory,
    EntityPage,
    EntityQuery,
    EntityRecord,
    HistoryQuery,
)
from shared.contracts.internal_api import EXPECTED_VERSION_HEADER
from shared.plumbing.http import Answer, InternalClient
from shared.plumbing.problems import ProblemError


class Entities:
    """Every call raises ProblemError with the code of directory's refusal."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def page(self, person: Person, kind: type[Entity], query: EntityQuery) -> EntityPage:
        """A page of a collection."""
        return read(EntityPage, await self._post(person, kind, "query", query))

    async def one(self, person: Person, kind: type[Entity], query: EntityQuery) -> EntityRecord:
        """The entity with the id of the query, if it is in sight."""
        found = (await self.page(person, kind, query)).items
        if not found:
            code = "not_found"
            raise ProblemError(code)
        return found[0]

    async def history(
        self, person: Person, kind: type[Entity], id_: UUID, query: HistoryQuery
    ) -> EntityHistory:
        """A page of an entity's changes."""
        answer = await self._post(person, kind, f"{id_}/history/query", query)
        return read(EntityHistory, answer)

    async def change(
        self,
        person: Person,
        kind: type[Entity],
        id_: UUID,
        verb: str,
        form: BaseModel | None = None,
        *,
        expected_version: int | None = None,
    ) -> EntityRecord:
        """Create, replace, deactivate or reactivate; doing it twice is as good as once."""
        answer = await self._post(person, kind, f"{id_}/{verb}", form, expected_version)
        return read(EntityRecord, answer)

    async def _post(
        self,
        person: Person,
        kind: type[Entity],
        path: str,
        body: BaseModel | None,
        expected_version: int | None = None,
    ) -> Answer:
        expected = (
            {} if expected_version is None else {EXPECTED_VERSION_HEADER: str(expected_version)}
        )
        return await self._client.post(
            f"/internal/entities/{kind.COLLECTION}/{path}",
            b"" if body is None else body.model_dump_json().encode(),
            account=person.account_id,
            principal=str(person.id),
            roles=person.roles,
            headers=expected,
            repeatable=True,
        )
