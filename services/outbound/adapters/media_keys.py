"""The keys of contacts' files, asked of tickets and kept in memory only (D10)."""

import base64
from collections import OrderedDict
from http import HTTPStatus
from time import monotonic
from typing import Final
from uuid import UUID

from services.outbound.handlers.media_ports import ContactErasedError
from shared.contracts.internal_api import MediaKey
from shared.plumbing.http import InternalClient
from shared.plumbing.transient import TransientError

_KEPT: Final = 10_000
_KEPT_SECONDS: Final = 300.0  # so long an erasure may go unnoticed here


class KeyUnavailableError(TransientError):
    """tickets did not answer with a key."""


class MediaKeys:
    """`handlers.media_ports.MediaKeys`."""

    def __init__(self, tickets: InternalClient) -> None:
        self._tickets = tickets
        self._kept: OrderedDict[UUID, tuple[float, bytes]] = OrderedDict()

    async def of(self, account_id: UUID, contact_id: UUID) -> bytes:
        """The key of a contact's files.

        Raises ContactErasedError, KeyUnavailableError, UnreachableError.
        """
        until, key = self._kept.get(contact_id, (0.0, b""))
        if until < monotonic():
            key = await self._ask(account_id, contact_id)
            self._kept[contact_id] = (monotonic() + _KEPT_SECONDS, key)
            self._kept.move_to_end(contact_id)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return key

    async def _ask(self, account_id: UUID, contact_id: UUID) -> bytes:
        path = f"/internal/contacts/{contact_id}/media-key"
        answer = await self._tickets.get(path, account=account_id, principal="outbound")
        if answer.status == HTTPStatus.CONFLICT:
            raise ContactErasedError
        if answer.status != HTTPStatus.OK:
            raise KeyUnavailableError(answer.status)
        return base64.b64decode(MediaKey.model_validate_json(answer.body).key)
