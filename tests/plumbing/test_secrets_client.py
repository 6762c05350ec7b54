"""Secrets of the last answer stay; what is missing is asked for at once."""

import base64
from uuid import uuid4

import pytest

from shared.contracts.internal_api import AccountSecrets, ConnectionSecrets, SecretsAnswer
from shared.plumbing.http import Answer
from shared.plumbing.loops import Heartbeat
from shared.plumbing.sealing import hmac_key
from shared.plumbing.secrets_client import SecretMissingError, SecretsClient, SecretsRefusedError

ACCOUNT, STRANGER, CONNECTION = uuid4(), uuid4(), uuid4()
PEPPER, WRAPPING, OWN = b"p" * 32, b"w" * 32, b"o" * 32


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


def told(account: AccountSecrets) -> Answer:
    answer = SecretsAnswer(
        service_key=encoded(OWN),
        accounts=[account],
        connections=[ConnectionSecrets(connection_id=CONNECTION, access_token="t")],  # noqa: S106
    )
    return Answer(200, answer.model_dump_json().encode(), {})


EVERYTHING = told(
    AccountSecrets(account_id=ACCOUNT, pepper=encoded(PEPPER), wrapping_key=encoded(WRAPPING))
)


class Directory:
    """Answers as the test says."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def __call__(self) -> Answer:
        return self.answer


async def test_every_kind_of_secret_is_decoded() -> None:
    client = SecretsClient(Directory(EVERYTHING))
    assert not client.ready.is_set()
    await client.refresh(Heartbeat())
    assert client.ready.is_set()
    assert (client.own_key, client.pepper(ACCOUNT)) == (OWN, PEPPER)
    assert await client.wrapping_key(ACCOUNT) == WRAPPING
    assert client.access_token(CONNECTION) == "t"
    assert client.hashed(ACCOUNT, "a", "b") == hmac_key(PEPPER, "a", "b")
    assert not client.wanted.is_set()


async def test_the_last_answer_stays_when_directory_refuses() -> None:
    directory = Directory(EVERYTHING)
    client = SecretsClient(directory)
    await client.refresh(Heartbeat())
    directory.answer = Answer(503, b"", {})
    with pytest.raises(SecretsRefusedError) as refused:
        await client.refresh(Heartbeat())
    assert refused.value.status == 503
    assert client.pepper(ACCOUNT) == PEPPER


@pytest.mark.parametrize("kind", ["pepper", "wrapping_key", "access_token"])
async def test_what_is_missing_is_asked_for_at_once(kind: str) -> None:
    client = SecretsClient(Directory(told(AccountSecrets(account_id=ACCOUNT))))
    await client.refresh(Heartbeat())
    if kind == "access_token":
        assert client.access_token(STRANGER) is None
    elif kind == "pepper":
        with pytest.raises(SecretMissingError):
            client.pepper(ACCOUNT)
    else:
        with pytest.raises(SecretMissingError):
            await client.wrapping_key(ACCOUNT)
    assert client.wanted.is_set()
