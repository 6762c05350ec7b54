"""Is what is away waited for, and is what is wrong told at once?"""

from collections.abc import Awaitable, Callable, Iterator

import psycopg
import pytest
import stamina

from shared.plumbing.postgres import STARTING, TRANSIENT, Pool
from shared.plumbing.startup import until_done


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    with stamina.set_testing(testing=True, attempts=10_000):
        yield


def answers(*outcomes: Exception | str) -> Callable[[], Awaitable[str]]:
    """One outcome for each call."""
    left = iter(outcomes)

    async def attempt() -> str:
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return attempt


async def test_what_is_away_is_asked_again_until_it_answers() -> None:
    away = psycopg.OperationalError("refused")
    assert await until_done("postgres", answers(away, away, "here"), TRANSIENT) == "here"


async def test_what_is_no_reason_to_wait_is_raised() -> None:
    with pytest.raises(LookupError):
        await until_done("postgres", answers(LookupError("no such file"), "here"), TRANSIENT)


async def test_a_table_that_the_migrations_have_not_made_yet_is_waited_for(pool: Pool) -> None:
    tries = 0

    async def attempt() -> int:
        nonlocal tries
        tries += 1
        async with pool.connection() as conn:
            if tries == 2:
                await conn.execute("CREATE TABLE entity ()")
            await conn.execute("SELECT FROM entity")
        return tries

    assert await until_done("postgres", attempt, STARTING) == 2
