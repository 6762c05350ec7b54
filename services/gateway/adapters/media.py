"""Files, which outbound keeps."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from uuid import UUID

import aiohttp
from pydantic import BaseModel

from services.gateway.adapters.services import read
from services.gateway.domain.access import Person
from services.gateway.domain.uploads import refuse_media, sendable
from shared.contracts.internal_api import MediaInfo, MediaUpload
from shared.contracts.ticket_api import SendImage, SendMessage
from shared.plumbing.http import Answer, InternalClient
from shared.plumbing.problems import ProblemError


class Media:
    """outbound's internal API of files."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def upload(
        self, person: Person, media_id: UUID, upload: MediaUpload, data: bytes
    ) -> MediaInfo:
        """Keep a file; raises ProblemError `invalid_request`, `contact_erased`."""
        given = upload.model_dump(mode="json", exclude_none=True)
        answer = await self._client.put(
            f"/internal/media/{media_id}",
            data,
            account=person.account_id,
            principal=str(person.id),
            params={name: str(value) for name, value in given.items()},
        )
        return read(MediaInfo, answer)

    async def info(self, person: Person, media_id: UUID) -> MediaInfo:
        """What is known of a file; raises ProblemError `not_found`, `contact_erased`."""
        answer = await self._client.get(
            f"/internal/media/{media_id}", account=person.account_id, principal=str(person.id)
        )
        return read(MediaInfo, answer)

    async def with_file(self, person: Person, ticket_id: UUID, body: BaseModel) -> BaseModel:
        """A body of a command, with what is known of the upload that it names.

        Raises ProblemError `invalid_request` for its `media_id`.
        """
        if not isinstance(body, SendMessage) or not isinstance(body.root, SendImage):
            return body
        try:
            info = await self.info(person, body.root.media_id)
        except ProblemError as error:
            if error.code == "not_found":
                refuse_media("unknown")
            raise
        file = sendable(info, ticket_id, body.root.type)
        return SendMessage(body.root.model_copy(update={"file": file}))

    @asynccontextmanager
    async def content(
        self, person: Person, media_id: UUID, headers: Mapping[str, str]
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """The bytes, or what the `Range` of the headers asks for.

        Raises ProblemError `media_not_stored`, `range_not_satisfiable`, `contact_erased`.
        """
        path = f"/internal/media/{media_id}/content"
        async with self._client.stream(
            path, account=person.account_id, principal=str(person.id), headers=headers
        ) as response:
            if response.status >= HTTPStatus.BAD_REQUEST:
                answered = {name.lower(): value for name, value in response.headers.items()}
                read(MediaInfo, Answer(response.status, await response.read(), answered))
            yield response
