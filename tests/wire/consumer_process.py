"""A small service that stores what it sees; a test kills it."""

import asyncio
import signal

from pydantic_settings import SettingsConfigDict

from shared.plumbing import logs
from shared.plumbing.failpoints import FAILPOINTS, hit
from shared.plumbing.health import Health
from shared.plumbing.kafka import Received, make_broker, start_when_ready, subscribe
from shared.plumbing.parking import Parking
from shared.plumbing.postgres import make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.settings import CommonSettings
from tests.wire.support import TOPIC

FAILPOINTS.add("wire.after_effect")


class Settings(CommonSettings):
    """As a service has them."""

    model_config = SettingsConfigDict(env_prefix="TESTS_")


async def main() -> None:
    settings = Settings()
    pool = make_pool(settings.database_url, min_size=1, max_size=4)
    await pool.open()

    async def handle(received: Received) -> None:
        async with pool.connection() as conn:
            await conn.execute(
                "INSERT INTO seen (key, number) VALUES (%s, %s)",
                (received.key.decode(), int(received.body)),
            )
        hit("wire.after_effect")

    broker = make_broker(settings, "tests")
    parking = Parking(pool, Sealer(b"k" * 32), "tests")
    subscribe(
        broker,
        settings,
        topic=TOPIC,
        group="tests",
        instance="tests-1",
        handle=handle,
        parking=parking,
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await start_when_ready(broker, Health())
    await stop.wait()
    await broker.stop()
    await pool.close()


if __name__ == "__main__":
    logs.setup("tests", "tests-1")
    asyncio.run(main())
