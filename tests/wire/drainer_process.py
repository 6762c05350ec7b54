"""A small service that drains its outbox; a test kills it between produce and delete."""

import asyncio

from pydantic_settings import SettingsConfigDict

from shared.plumbing import logs
from shared.plumbing.kafka import Producer
from shared.plumbing.loops import Heartbeat
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import make_pool
from shared.plumbing.settings import CommonSettings


class Settings(CommonSettings):
    """As a service has them."""

    model_config = SettingsConfigDict(env_prefix="TESTS_")


async def main() -> None:
    settings = Settings()
    pool = make_pool(settings.database_url, min_size=1, max_size=2)
    await pool.open()
    producer = Producer(settings)
    await producer.start()
    outbox = Outbox(pool, producer)
    while True:
        await outbox.drain(Heartbeat())
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    logs.setup("tests", "tests-1")
    asyncio.run(main())
