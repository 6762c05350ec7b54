"""The key that seals a contact's files, for outbound (D10)."""

import base64
from typing import Annotated, Final, NoReturn
from uuid import UUID

from fastapi import APIRouter, Depends

from services.tickets.storage.contract import UnknownKeyError
from services.tickets.storage.keys import ContactKeys
from shared.contracts.internal_api import MediaKey
from shared.plumbing.postgres import TRANSIENT
from shared.plumbing.problems import ProblemError
from shared.plumbing.secrets_client import SecretMissingError
from shared.plumbing.tokens import Caller, TokenVerifier, caller_dependency

_PURPOSE: Final = "guiche media"


def router(keys: ContactKeys, verifier: TokenVerifier) -> APIRouter:
    """`GET /internal/contacts/{contact_id}/media-key`."""
    routes = APIRouter(prefix="/internal/contacts/{contact_id}")
    calling = caller_dependency(verifier)

    async def media_key(contact_id: UUID, caller: Annotated[Caller, Depends(calling)]) -> MediaKey:
        if caller.service != "outbound":
            _refuse("forbidden")
        try:
            sealer = (await keys.to_open([contact_id]))[contact_id]
        except UnknownKeyError:
            _refuse("not_found")
        except (*TRANSIENT, SecretMissingError):
            _refuse("unavailable")
        if sealer is None:
            _refuse("contact_erased")
        return MediaKey(key=base64.b64encode(sealer.derived_key(_PURPOSE)).decode())

    routes.add_api_route("/media-key", media_key, methods=["GET"])
    return routes


def _refuse(code: str) -> NoReturn:
    raise ProblemError(code)
