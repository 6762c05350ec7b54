"""Which secret does the bot need? Its own key, in memory only (D9)."""

import base64
from http import HTTPStatus

from shared.contracts.internal_api import SecretsAnswer
from shared.plumbing.http import InternalClient


class SecretsRefusedError(Exception):
    """directory answered, but not with secrets."""


async def own_key(directory: InternalClient) -> bytes:
    """What seals sessions and parked messages. Raises UnreachableError, SecretsRefusedError."""
    answer = await directory.get("/internal/secrets", account=None, principal="bot")
    if answer.status != HTTPStatus.OK:
        raise SecretsRefusedError(answer.status)
    return base64.b64decode(SecretsAnswer.model_validate_json(answer.body).service_key)
