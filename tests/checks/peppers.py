"""Under which hash does a wamid appear? The oracle computes it from the account's pepper itself."""

import base64
import hashlib
import hmac

from shared.contracts.internal_api import SecretsAnswer
from shared.plumbing.tokens import TokenSigner
from tests.checks.system import System


async def pepper(system: System) -> bytes:
    """The demo account's, as directory tells it to tickets."""
    signer = TokenSigner("tickets", system.installation.places.keys)
    token = signer.sign("directory", account=None, principal="check")
    where = f"{system.url('directory')}/internal/secrets"
    async with system.http.get(where, headers={"Authorization": f"Bearer {token}"}) as answer:
        answer.raise_for_status()
        told = SecretsAnswer.model_validate_json(await answer.read())
    return base64.b64decode(told.accounts[0].pepper or "")


def wamid_hash(secret: bytes, connection_id: str, wamid: str) -> str:
    """Hex HMAC of connection and wamid (contracts, MessageReceived)."""
    return hmac.new(
        secret, f"wamid\x1f{connection_id}\x1f{wamid}".encode(), hashlib.sha256
    ).hexdigest()
